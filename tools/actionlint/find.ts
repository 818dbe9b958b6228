/** The linter of GitHub's workflows: from PATH, this project's cache, or built from its Go module. */
import { readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { withLock } from "../engine/lock.ts";
import { isBelow } from "../engine/pins.ts";
import { lastLine, run, type Run } from "../engine/run.ts";

const module = "github.com/rhysd/actionlint";

/** As go.mod beside this file pins it. */
export const actionlintVersion = (): string => {
  const text = readFileSync(join(import.meta.dirname, "go.mod"), "utf8");
  const version = new RegExp(`${module} v(\\S+)`).exec(text)?.[1];
  if (!version) throw new Error(`${import.meta.dirname}/go.mod names no version of ${module}`);
  return version;
};

/** No way led to it. */
export class ActionlintMissing extends Error {
  override name = "ActionlintMissing";
}

export interface ActionlintDeps {
  env: NodeJS.ProcessEnv;
  log: (line: string) => void;
  run: Run;
}

const buildLimitMs = 300_000;

export const actionlintCache = (env: NodeJS.ProcessEnv): string =>
  join(env["XDG_CACHE_HOME"] || join(env["HOME"] || homedir(), ".cache"), "muster", "actionlint");

/** Whether that program is there and new enough; an older one does not know every event and context. */
const works = async (program: string, deps: ActionlintDeps): Promise<boolean> => {
  const ran = await deps.run(program, ["-version"], { env: deps.env, limitMs: 10_000 });
  return ran.code === 0 && !isBelow(ran.stdout.trim().split("\n")[0] ?? "", actionlintVersion());
};

const build = async (program: string, deps: ActionlintDeps): Promise<void> => {
  const folder = join(program, "..");
  await mkdir(join(folder, ".."), { recursive: true });
  const work = await mkdtemp(join(folder, "..", ".build-"));
  try {
    deps.log(`building actionlint ${actionlintVersion()} from its Go module (about ten seconds, once)`);
    const args = ["build", "-trimpath", "-mod=readonly", "-o", work, `${module}/cmd/actionlint`];
    const env = { ...deps.env, CGO_ENABLED: "0", GOFLAGS: "" };
    const ran = await deps.run("go", args, { cwd: import.meta.dirname, env, limitMs: buildLimitMs });
    if (ran.code !== 0)
      throw new ActionlintMissing(
        `actionlint ${actionlintVersion()} is neither on PATH nor in this project's cache, and building it failed: ` +
          `${ran.timedOut ? `not done within ${buildLimitMs / 60_000} minutes` : lastLine(ran)}.`,
      );
    await chmod(work, 0o755);
    await rm(folder, { recursive: true, force: true });
    await rename(work, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
};

/**
 * @returns a command to start
 * @throws ActionlintMissing
 */
export const findActionlint = async (options: Partial<ActionlintDeps> = {}): Promise<string> => {
  const deps: ActionlintDeps = { env: process.env, log: () => {}, run, ...options };
  if (await works("actionlint", deps)) return "actionlint";
  const program = join(actionlintCache(deps.env), `v${actionlintVersion()}`, "actionlint");
  await withLock(program, async () => {
    if (!(await works(program, deps))) await build(program, deps);
  });
  return program;
};
