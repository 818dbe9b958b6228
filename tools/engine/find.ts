/** Where the Pulumi engine comes from on this computer: four ways, tried in turn. */
import { access, constants, mkdir, mkdtemp, realpath, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { buildEngine, goProblem, type BuildDeps } from "./build.ts";
import { findCommandPlugin } from "./command-plugin.ts";
import { engineVersion, isBelow, minimumEngineVersion } from "./pins.ts";
import { lastLine, run } from "./run.ts";

export interface Engine {
  /** Holds `pulumi`. */
  directory: string;
  /** Holds `pulumi-language-nodejs`; mostly the same. */
  hostDirectory: string;
  /** Such as `3.259.0`. */
  version: string;
  source: "path" | "cache" | "download" | "built";
  /** Whether @pulumi/command runs in its real plugin or in the stand-in, which really runs the commands too. */
  command: "real" | "stand-in";
  /** Holds `pulumi-resource-command`. */
  commandDirectory: string;
}

export interface EngineDeps extends BuildDeps {
  /** The download and everything that it started is ended after so many milliseconds. */
  downloadLimitMs: number;
  /** Program and arguments of the official download; the folder to install into follows. */
  downloader: readonly string[];
}

/** None of the four ways led to an engine. */
export class EngineMissing extends Error {
  override name = "EngineMissing";
  constructor(reasons: Record<"path" | "cache" | "download" | "build", string>) {
    super(
      [
        `no Pulumi engine (${minimumEngineVersion} or later) on this computer. Tried:`,
        `  1. PATH: ${reasons.path}`,
        `  2. this project's cache: ${reasons.cache}`,
        `  3. the official download: ${reasons.download}`,
        `  4. building it from its Go modules: ${reasons.build}`,
        `Install it (https://www.pulumi.com/docs/install/), or Go, and run the same command again.`,
      ].join("\n"),
    );
  }
}

type Found = Pick<Engine, "directory" | "hostDirectory" | "version">;
type Attempt = Found | { problem: string };

export const cacheDirectory = (env: NodeJS.ProcessEnv): string =>
  join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache"), "muster", "engine");

const isExecutable = (file: string) =>
  access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
const firstWith = async (program: string, directories: readonly string[]): Promise<string | null> => {
  for (const directory of directories) if (await isExecutable(join(directory, program))) return directory;
  return null;
};

/** Looks for both programs in these directories and asks the engine for its version. */
const inspect = async (directories: readonly string[], deps: EngineDeps): Promise<Attempt> => {
  const directory = await firstWith("pulumi", directories);
  if (directory === null) return { problem: "no pulumi there" };
  // The installed command may be a link to a folder where the language host lies beside it.
  const real = join(await realpath(join(directory, "pulumi")), "..");
  const hostDirectory = await firstWith("pulumi-language-nodejs", [directory, real, ...directories]);
  if (hostDirectory === null) return { problem: `${directory} has pulumi, but no pulumi-language-nodejs` };
  const ran = await deps.run(join(directory, "pulumi"), ["version"], {
    env: { ...deps.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
    limitMs: 10_000,
  });
  const version = /^v?(\d+\.\d+\.\d+\S*)/.exec(ran.stdout.trim())?.[1];
  if (ran.code !== 0 || !version) return { problem: `${directory}/pulumi does not run: ${lastLine(ran)}` };
  if (!isBelow(version, minimumEngineVersion)) return { directory, hostDirectory, version };
  return { problem: `${directory}/pulumi is ${version}, older than ${minimumEngineVersion}` };
};

const download = async (directory: string, deps: EngineDeps): Promise<Attempt> => {
  const cache = join(directory, "..");
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, ".download-"));
  const seconds = deps.downloadLimitMs / 1000;
  deps.log(`downloading the Pulumi engine ${engineVersion} (at most ${seconds} s)`);
  try {
    const [program, ...args] = [...deps.downloader, work];
    const ran = await deps.run(program!, args, { env: deps.env, limitMs: deps.downloadLimitMs });
    if (ran.timedOut) return { problem: `not done within ${seconds} s` };
    if (ran.code !== 0) return { problem: downloadError(ran.stderr) ?? lastLine(ran) };
    await rm(directory, { recursive: true, force: true });
    await rename(join(work, "bin"), directory);
    return await inspect([directory], deps);
  } catch (error) {
    return { problem: (error as Error).message };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
};
/** Node prints the whole stack of an error: the line with the message is what people need. */
const downloadError = (stderr: string) => /^\w*Error: .*$/m.exec(stderr)?.[0];

const build = async (directory: string, deps: EngineDeps): Promise<Attempt> => {
  const problem = await goProblem(deps);
  if (problem !== null) return { problem };
  const finished = async () => !("problem" in (await inspect([directory], deps)));
  try {
    await buildEngine(directory, finished, deps);
    return await inspect([directory], deps);
  } catch (error) {
    return { problem: (error as Error).message };
  }
};

export const engineDeps = (log: (line: string) => void): EngineDeps => ({
  env: process.env,
  log,
  now: () => performance.now(),
  run,
  downloadLimitMs: 20_000,
  downloader: [process.execPath, join(import.meta.dirname, "install.ts")],
});

export type Way = "path" | "cache" | "download" | "build";
const allWays: readonly Way[] = ["path", "cache", "download", "build"];

/**
 * The engine to run: from PATH, this project's cache, the official download (20 s at most) or built from source.
 * @param options.ways only these; `path` and `cache` look and make nothing
 * @throws EngineMissing naming the four ways and why each failed
 */
export const findEngine = async (
  options: { log: (line: string) => void; ways?: readonly Way[] } & Partial<EngineDeps>,
): Promise<Engine> => {
  const deps: EngineDeps = { ...engineDeps(options.log), ...options };
  const directory = join(cacheDirectory(deps.env), `v${engineVersion}`);
  const onPath = (deps.env.PATH ?? "").split(delimiter).filter((entry) => entry !== "");
  const ways = {
    path: () => inspect(onPath, deps),
    cache: () => inspect([directory], deps),
    download: () => download(directory, deps),
    build: () => build(directory, deps),
  };
  const notTried = "not tried";
  const reasons = { path: notTried, cache: notTried, download: notTried, build: notTried };
  for (const way of options.ways ?? allWays) {
    const found = await ways[way]();
    if ("problem" in found) {
      reasons[way] = found.problem;
      if (found.problem.includes("older than")) deps.log(`not used: ${found.problem}`);
      continue;
    }
    const source = way === "build" ? "built" : way;
    return { ...found, source, ...(await findCommandPlugin({ ...found, source }, deps)) };
  }
  throw new EngineMissing(reasons);
};
