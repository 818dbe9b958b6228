/** This repository's workflows and those for users, as tests look at them. */
import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";

const root = join(import.meta.dirname, "../..");

export interface Step {
  id?: string;
  name?: string;
  uses?: string;
  run?: string;
  if?: string;
  env?: Record<string, string>;
  with?: Record<string, unknown>;
}
export interface Job {
  "runs-on"?: string | string[];
  "timeout-minutes"?: number;
  if?: string;
  needs?: string | string[];
  uses?: string;
  with?: Record<string, string>;
  environment?: string;
  permissions?: Record<string, string>;
  concurrency?: { group: string; "cancel-in-progress": boolean | string };
  steps?: Step[];
}
export interface Workflow {
  on: Record<string, unknown>;
  permissions?: Record<string, string>;
  concurrency?: Job["concurrency"];
  jobs: Record<string, Job>;
}

/** `check.yml` is what `npm start` runs on the simulator: it is dispatched by hand, without any credential. */
export const files: string[] = globSync([".github/workflows/*.yml", "examples/workflows/*.yml"], {
  cwd: root,
})
  .filter((file) => !file.endsWith("/check.yml"))
  .sort();

export const textOf = (file: string): string => readFileSync(join(root, file), "utf8");
export const workflow = (file: string): Workflow => parse(textOf(file)) as Workflow;

export const stepsOf = (file: string): Step[] =>
  Object.values(workflow(file).jobs).flatMap((job) => job.steps ?? []);

/** The step of a job by its id or name. */
export const step = (file: string, job: string, named: string): Step => {
  const found = workflow(file).jobs[job]?.steps?.find(({ id, name }) => id === named || name === named);
  if (!found) throw new Error(`${file}: job ${job} has no step ${named}`);
  return found;
};

export interface Ran {
  code: number;
  output: string;
  /** What it wrote to $GITHUB_OUTPUT. */
  outputs: string;
  /** Where it ran; also its $RUNNER_TEMP. */
  folder: string;
  /** Text of a file that it left in its folder or in $RUNNER_TEMP. */
  file(name: string): Promise<string>;
  remove(): Promise<void>;
}

/**
 * Runs a step's script as GitHub's runner does, in an empty folder.
 * @param programs name -> shell script that takes its place on PATH
 */
export const runStep = async (
  { run }: Step,
  env: Record<string, string> = {},
  programs: Record<string, string> = {},
): Promise<Ran> => {
  const folder = await mkdtemp(join(tmpdir(), "muster-step-"));
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
  await writeFile(join(folder, ".script"), run!);
  await writeFile(join(folder, ".outputs"), "");
  const all = {
    PATH: `${folder}:${process.env["PATH"]}`,
    HOME: folder,
    RUNNER_TEMP: folder,
    GITHUB_OUTPUT: join(folder, ".outputs"),
    GITHUB_STEP_SUMMARY: join(folder, ".summary"),
    ...env,
  };
  const args = ["--noprofile", "--norc", "-eo", "pipefail", join(folder, ".script")];
  const ended = await new Promise<{ code: number; output: string }>((resolve) => {
    execFile("bash", args, { cwd: folder, env: all, timeout: 20_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: `${stdout}${stderr}` });
    });
  });
  return {
    ...ended,
    folder,
    outputs: await readFile(all.GITHUB_OUTPUT, "utf8"),
    file: (name) => readFile(join(folder, name), "utf8"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
};
