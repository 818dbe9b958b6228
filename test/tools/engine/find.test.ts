import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { identify, isAlive } from "../../../agent/supervisor/process.ts";
import { findEngine, type EngineDeps } from "../../../tools/engine/find.ts";
import { engineVersion } from "../../../tools/engine/pins.ts";
import { run } from "../../../tools/engine/run.ts";

let home: string;
let lines: string[];
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "muster-engine-"));
  lines = [];
});
afterEach(() => rm(home, { recursive: true, force: true, maxRetries: 3 }));

const program = async (directory: string, name: string, script: string) => {
  await mkdir(join(home, directory), { recursive: true });
  await writeFile(join(home, directory, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(home, directory, name), 0o755);
};
/** An engine that only knows its version, with its language host. */
const engine = async (directory: string, version: string, host = true) => {
  await program(directory, "pulumi", `echo v${version}`);
  if (host) await program(directory, "pulumi-language-nodejs", "");
};
const cache = `cache/muster/engine/v${engineVersion}`;

const find = (path: string, more: Partial<EngineDeps> = {}) =>
  findEngine({
    log: (line) => void lines.push(line),
    env: { PATH: `${path}:/usr/bin:/bin`, HOME: home, XDG_CACHE_HOME: join(home, "cache") },
    downloader: ["false"],
    downloadLimitMs: 5_000,
    ...more,
  });

test("an engine on PATH is taken", async () => {
  await engine("bin", engineVersion);
  expect(await find(join(home, "bin"))).toMatchObject({
    directory: join(home, "bin"),
    version: engineVersion,
    source: "path",
  });
});

test("an old engine on PATH is named and not used", async () => {
  await engine("bin", "3.100.0");
  await engine(cache, engineVersion);
  expect(await find(join(home, "bin"))).toMatchObject({ source: "cache", directory: join(home, cache) });
  expect(lines).toEqual([`not used: ${join(home, "bin")}/pulumi is 3.100.0, older than ${engineVersion}`]);
});

test("an engine without a language host is not used", async () => {
  await engine("bin", engineVersion, false);
  await engine(cache, engineVersion);
  expect(await find(join(home, "bin"))).toMatchObject({ source: "cache" });
});

test("the language host may lie elsewhere on PATH", async () => {
  await engine("bin", engineVersion, false);
  await program("host", "pulumi-language-nodejs", "");
  const found = await find(`${join(home, "bin")}:${join(home, "host")}`);
  expect(found).toMatchObject({ source: "path", hostDirectory: join(home, "host") });
});

test("a download becomes this project's cache", async () => {
  await program(
    "tools",
    "download",
    `
    mkdir -p "$1/bin"
    printf '#!/bin/sh\\necho v${engineVersion}\\n' > "$1/bin/pulumi"
    cp "$1/bin/pulumi" "$1/bin/pulumi-language-nodejs"
    chmod +x "$1"/bin/*`,
  );
  const downloader = [join(home, "tools/download")];
  expect(await find("/nowhere", { downloader })).toMatchObject({
    source: "download",
    directory: join(home, cache),
  });
  expect(await find("/nowhere")).toMatchObject({ source: "cache" });
});

test("a download that hangs is ended with everything it started, and the next way is tried", async () => {
  await program("tools", "download", `sleep 60 & echo $! > "${join(home, "pid")}"; wait`);
  const startMs = performance.now();
  const found = find("/nowhere", { downloader: [join(home, "tools/download")], downloadLimitMs: 2_000 });
  await expect(found).rejects.toThrow("the official download: not done within 2 s");
  expect(performance.now() - startMs).toBeLessThan(30_000);
  expect(isAlive(identify(Number(await readFile(join(home, "pid"), "utf8"))))).toBe(false);
});

test("when no way works, all four are named with their reasons", async () => {
  await engine("bin", "3.1.0");
  await program("bin", "go", "echo go1.19.2");
  const error = await find(join(home, "bin")).then(
    () => "",
    (reason: Error) => reason.message,
  );
  expect(error).toContain("1. PATH:");
  expect(error).toContain("is 3.1.0, older than");
  expect(error).toContain("2. this project's cache: no pulumi there");
  expect(error).toContain("3. the official download:");
  expect(error).toMatch(/4\. building it from its Go modules: Go 1\.19\.2 on PATH is older than 1\.26/);
  expect(error).toContain("https://www.pulumi.com/docs/install/");
});

/** Go as far as this project knows it: it says its version and writes a program where -o says. */
const go = `
  case $1 in env) echo go1.99.0; exit;; esac
  echo building >> "${"$"}HOME/builds"
  while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done
  echo "go: downloading example.org/module v1.0.0" >&2
  echo example.org/module/package >&2
  printf '#!/bin/sh\\necho v${engineVersion}\\n' > "$out"
  chmod +x "$out"`;

test("where Go is installed the engine is built, with progress, and cached", async () => {
  await program("bin", "go", go);
  expect(await find(join(home, "bin"))).toMatchObject({ source: "built", directory: join(home, cache) });
  expect(lines.join("\n")).toContain(
    `building pulumi ${engineVersion}: 1 modules fetched, 1 packages compiled, 0 s`,
  );
  expect(await find(join(home, "bin"))).toMatchObject({ source: "cache" });
});

test("a language host that was built is told that Node reads the program by itself", async () => {
  await program(
    "bin",
    "go",
    go.replace(`echo v${engineVersion}`, () => `echo v${engineVersion} "$@"`),
  );
  const { hostDirectory } = await find(join(home, "bin"));
  const { stdout } = await run(join(hostDirectory, "pulumi-language-nodejs"), ["127.0.0.1:1"], {});
  expect(stdout).toContain(" -typescript=false 127.0.0.1:1");
});

test("two that want to build at the same time build once", async () => {
  await program("bin", "go", go.replace("echo building", "sleep 0.2; echo building"));
  const found = await Promise.all([find(join(home, "bin")), find(join(home, "bin"))]);
  expect(found.map(({ directory }) => directory)).toEqual([join(home, cache), join(home, cache)]);
  // Engine and language host, once each.
  expect(await readFile(join(home, "builds"), "utf8")).toBe("building\nbuilding\n");
});

test("a build that fails says what Go said and leaves no half engine", async () => {
  await program("bin", "go", `case $1 in env) echo go1.99.0; exit;; esac; echo "disk full" >&2; exit 1`);
  await expect(find(join(home, "bin"))).rejects.toThrow("go build of pulumi-language-nodejs: disk full");
  await expect(stat(join(home, cache))).rejects.toThrow("ENOENT");
});

test("the real command plugin is used where it is installed, else the stand-in", async () => {
  await engine("bin", engineVersion);
  await program("bin", "pulumi-fails", "");
  expect(await find(join(home, "bin"))).toMatchObject({ command: "stand-in" });
  const plugin = ".pulumi/plugins/resource-command-v1.2.1";
  await program(plugin, "pulumi-resource-command", "");
  expect(await find(join(home, "bin"))).toMatchObject({
    command: "real",
    commandDirectory: join(home, plugin),
  });
});

test("the command plugin is asked for once where the release host may be in reach", async () => {
  await engine("bin", engineVersion);
  await find(join(home, "bin"));
  await find(join(home, "bin"));
  expect(lines.filter((line) => line.includes("command plugin"))).toHaveLength(1);
});
