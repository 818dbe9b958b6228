/** moto, which plays AWS in tests: a Python program in a virtual environment of this project's cache. */
import { createHash } from "node:crypto";
import { access, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { withLock } from "../engine/lock.ts";
import { lastLine, run, type Run } from "../engine/run.ts";

const requirementsFile = join(import.meta.dirname, "requirements.txt");
const installLimitMs = 5 * 60_000;

/** A test that needs moto cannot run here. */
export class MotoMissing extends Error {
  override name = "MotoMissing";
  /** The one command that supplies what is missing. */
  readonly cure: string;
  constructor(why: string, cure: string) {
    super(why);
    this.cure = cure;
  }
}

export interface MotoDeps {
  env: NodeJS.ProcessEnv;
  log: (line: string) => void;
  run: Run;
  /** Text of the list that pip installs from. */
  requirements: () => Promise<string>;
}

const realDeps = (log: (line: string) => void): MotoDeps => ({
  env: process.env,
  log,
  run,
  requirements: () => readFile(requirementsFile, "utf8"),
});

const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );

/** Named after moto's version and all that is pinned beside it: a changed list makes a new environment. */
const directoryFor = (env: NodeJS.ProcessEnv, requirements: string) => {
  const version = /^moto==(\S+)/m.exec(requirements)?.[1];
  if (!version) throw new Error(`${requirementsFile} names no version of moto`);
  const hash = createHash("sha256").update(requirements).digest("hex").slice(0, 8);
  const cache = join(env["XDG_CACHE_HOME"] || join(env["HOME"] || homedir(), ".cache"), "muster");
  return { cache, directory: join(cache, `moto-${version}-${hash}`), version };
};

/** The scripts of an environment hold its path, so it is made in its place; this file says that it is complete. */
const completeMark = (directory: string) => join(directory, "complete");

const make = async (cache: string, directory: string, deps: MotoDeps) => {
  const { env } = deps;
  await mkdir(cache, { recursive: true });
  await rm(directory, { recursive: true, force: true });
  const venv = await deps.run("python3", ["-m", "venv", directory], { env, limitMs: installLimitMs });
  if (venv.code !== 0) {
    await rm(directory, { recursive: true, force: true });
    throw new MotoMissing(
      venv.code === 127
        ? "python3 is not on PATH."
        : `python3 makes no virtual environment: ${lastLine(venv)}`,
      "sudo apt-get install -y python3-venv",
    );
  }
  const install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"];
  const only = ["--only-binary", ":all:", "--require-hashes"];
  const python = join(directory, "bin/python");
  const ran = await deps.run(python, [...install, ...only, "-r", requirementsFile], {
    env,
    limitMs: installLimitMs,
  });
  if (ran.code !== 0) {
    await rm(directory, { recursive: true, force: true });
    throw new MotoMissing(
      `pip does not install moto: ${lastLine(ran)}`,
      `python3 -m pip download -r ${requirementsFile}`,
    );
  }
  await writeFile(completeMark(directory), "");
};

/**
 * The Python that has moto. Makes the environment on first use (about half a minute, once for this computer); only one
 * process makes it, the others wait.
 * @throws MotoMissing with what is missing and its cure
 */
export const findMoto = async (
  options: { log: (line: string) => void } & Partial<MotoDeps>,
): Promise<{ python: string; version: string }> => {
  const deps: MotoDeps = { ...realDeps(options.log), ...options };
  const { cache, directory, version } = directoryFor(deps.env, await deps.requirements());
  const found = { python: join(directory, "bin/python"), version };
  if (await exists(completeMark(directory))) return found;
  await withLock(directory, async () => {
    if (await exists(completeMark(directory))) return;
    deps.log(`installing moto ${version} into ${directory} (at most ${installLimitMs / 60_000} min)`);
    await make(cache, directory, deps);
  });
  return found;
};
