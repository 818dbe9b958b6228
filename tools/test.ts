/** `npm test`: every test that this machine can run, in one command. `npm test -- --help` says how to run a part. */
import { globSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { lacksActionlint } from "./test/actionlint.ts";
import { runChild } from "./test/child.ts";
import { copyCheckout } from "./test/copy.ts";
import { lacksEngine } from "./test/engine.ts";
import { lacksMoto } from "./test/moto.ts";
import { testOptions, usage, UsageError, type TestOptions } from "./test/options.ts";
import { lacks } from "./test/programs.ts";
import { summary, type Missing } from "./test/report.ts";
import { exitCode, runTiers, type TestDeps } from "./test/run.ts";
import { tiers } from "./test/tiers.ts";

const root = join(import.meta.dirname, "..");
const line = (text: string) => void process.stdout.write(`${text}\n`);

/** CI systems set CI=true; some say 1. */
const isCi = !["", "0", "false"].includes(process.env["CI"] ?? "");

/** What a tier prints passes through here, so that it cannot see by itself whether a terminal is at the end. */
const colours = process.stdout.isTTY ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" };

/** The packages' Node first on PATH; a real GitHub's address and token stay out of tests. */
const environment = (): NodeJS.ProcessEnv => {
  const { GITHUB_URL: _url, GITHUB_TOKEN: _token, ...env } = process.env;
  return { ...colours, ...env, PATH: `${join(root, "node_modules/.bin")}${delimiter}${env["PATH"] ?? ""}` };
};

const readOrNull = async (path: string): Promise<string | null> => {
  try {
    return await readFile(path, "utf8");
  } catch {
    return null;
  }
};

/** Looks for the engine at most once: every tier gets the same answer. */
const once = <T>(find: () => Promise<T>) => {
  let answer: Promise<T> | undefined;
  return () => (answer ??= find());
};

const makeDeps = (options: TestOptions, folder: string, signal: AbortSignal): TestDeps => {
  const mayInstall = options.install || isCi;
  const engine = once<Missing | null>(() => lacksEngine(line));
  const moto = once<Missing | null>(() => lacksMoto(line));
  const env = environment();
  return {
    line,
    node: (tier, args, cwd, print) =>
      runChild(args, {
        name: tier.name,
        cwd: cwd ?? root,
        env,
        limitMs: tier.limitMinutes * 60_000,
        line: print,
        signal,
      }),
    lacks: (tool) => {
      if (tool === "engine") return engine();
      if (tool === "moto") return moto();
      return tool === "actionlint" ? lacksActionlint(line) : lacks(tool, mayInstall);
    },
    report: (tier) => {
      const path = join(folder, `${tier.name}.json`);
      return { path, read: () => readOrNull(path) };
    },
    copy: () => copyCheckout(root),
    now: () => performance.now(),
  };
};

const main = async (): Promise<number> => {
  const files = globSync("test/**/*.test.ts", { cwd: root });
  const options = testOptions(process.argv.slice(2), files);
  if (options === null) return (line(usage), 0);
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => interrupt.abort(new Error(`interrupted by ${signal}`)));
  const folder = await mkdtemp(join(tmpdir(), "muster-test-"));
  try {
    const results = await runTiers(tiers, options, isCi, makeDeps(options, folder, interrupt.signal));
    for (const text of summary(results, tiers, isCi)) line(text);
    return interrupt.signal.aborted ? 130 : exitCode(results, isCi);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
