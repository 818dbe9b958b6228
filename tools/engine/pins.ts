/** Which engine this project runs with. The numbers live in the go.mod files, where the Go tools check them too. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const pinned = (module: string, dependency: string): { module: string; version: string; go: string } => {
  const directory = join(import.meta.dirname, module);
  const text = readFileSync(join(directory, "go.mod"), "utf8");
  const version = new RegExp(`^(?:require )?\\s*${dependency} v(\\S+)`, "m").exec(text)?.[1];
  const go = /^go (\S+)/m.exec(text)?.[1];
  if (!version || !go) throw new Error(`${directory}/go.mod names no version of ${dependency}`);
  return { module: directory, version, go };
};

/** Engine (`pulumi`) and Node.js language host: where their modules are, which version, which Go they need. */
export const engineModule = pinned("cli", "github.com/pulumi/pulumi/pkg/v3");
export const hostModule = pinned("language-host", "github.com/pulumi/pulumi/sdk/v3");

/** The engine that is downloaded or built. */
export const engineVersion = engineModule.version;

/** An older engine on PATH is not used: nothing below it was ever tried with this program. */
export const minimumEngineVersion = engineVersion;

/** As numbers, `3.259.0` is below `3.260.0-alpha`; what does not parse is below everything. */
export const isBelow = (version: string, minimum: string): boolean => {
  const numbers = (text: string) => (/^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(text) ?? [0, -1, -1, -1]).slice(1);
  const [mine, wanted] = [numbers(version).map(Number), numbers(minimum).map(Number)];
  const differing = wanted.findIndex((number, index) => number !== mine[index]);
  return differing >= 0 && (mine[differing] || 0) < (wanted[differing] || 0);
};
