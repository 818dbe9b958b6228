/**
 * The plugin behind @pulumi/command: the real one where it is installed or can be installed, else the stand-in of
 * this project. Either way it is found through PATH, so that Pulumi.yaml names no plugin.
 */
import { access, constants, mkdir, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Engine, EngineDeps } from "./find.ts";
import { cacheDirectory } from "./find.ts";

/** The version of the npm package, which asks for the same of its plugin. */
const version = "1.2.1";
const program = "pulumi-resource-command";
const installLimitMs = 10_000;
/** An installation that failed is tried again after a day. */
const retryMs = 24 * 60 * 60 * 1000;

export const standInDirectory = join(import.meta.dirname, "../../test/engine/providers");

const has = (directory: string) =>
  access(join(directory, program), constants.X_OK).then(
    () => true,
    () => false,
  );

/** Whether the release host looked reachable lately: asking it costs seconds where it is not. */
const mayInstall = async (source: Engine["source"], marker: string): Promise<boolean> => {
  if (source !== "path" && source !== "download") return false;
  const failed = await stat(marker).catch(() => null);
  return failed === null || Date.now() - failed.mtimeMs > retryMs;
};

export const findCommandPlugin = async (
  engine: Pick<Engine, "directory" | "source">,
  deps: EngineDeps,
): Promise<Pick<Engine, "command" | "commandDirectory">> => {
  const home = join(cacheDirectory(deps.env), "home");
  const plugin = `plugins/resource-command-v${version}`;
  const user = deps.env.PULUMI_HOME || join(deps.env.HOME || homedir(), ".pulumi");
  const real = { command: "real" } as const;
  for (const commandDirectory of [join(user, plugin), join(home, plugin)])
    if (await has(commandDirectory)) return { ...real, commandDirectory };
  const marker = join(home, "command-plugin-not-installed");
  if (await mayInstall(engine.source, marker)) {
    deps.log(`installing Pulumi's command plugin ${version} (at most ${installLimitMs / 1000} s)`);
    await mkdir(home, { recursive: true });
    await deps.run(join(engine.directory, "pulumi"), ["plugin", "install", "resource", "command", version], {
      env: { ...deps.env, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "true" },
      limitMs: installLimitMs,
    });
    if (await has(join(home, plugin))) return { ...real, commandDirectory: join(home, plugin) };
    await writeFile(marker, "");
  }
  return { command: "stand-in", commandDirectory: standInDirectory };
};
