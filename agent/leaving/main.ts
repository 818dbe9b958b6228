/**
 * The bundled script of `destroy`: `VERB` is its last argument, the options are in the environment (options.ts). Lines
 * for people go to standard error; standard output stays empty, for it is kept in Pulumi's state.
 */
import type * as z from "zod";
import { prettifyError } from "zod";
import { realDeps } from "../manager/deps.ts";
import { awsBucket, awsRegion, awsSecrets } from "./aws.ts";
import { drain } from "./drain.ts";
import { LeavingError } from "./errors.ts";
import { forgetAtGitHub } from "./github.ts";
import { limitsFrom, limitsVariable } from "./limits.ts";
import { drainOptions, optionsVariable, sweepOptions, verbs } from "./options.ts";
import type { LeavingDeps } from "./ports.ts";
import { settle } from "./settle.ts";
import { silent } from "./silent.ts";
import { sweep } from "./sweep.ts";
import { reason } from "./text.ts";

const say = (line: string): void => void process.stderr.write(`muster: ${line}\n`);

const options = <T>(schema: z.ZodType<T>): T => {
  const read = schema.safeParse(JSON.parse(process.env[optionsVariable] ?? "null"));
  if (read.success) return read.data;
  throw new LeavingError(`${optionsVariable} is not what this version reads:\n${prettifyError(read.error)}`);
};

/** Interrupted: what can be taken back is, within seconds, and a repeated destroy goes on where this one stopped. */
const interrupted = (): AbortSignal => {
  const controller = new AbortController();
  const stop = (by: string) => controller.abort(new LeavingError(`interrupted by ${by}: repeat it to go on`));
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, () => stop(name));
  // Nobody reads any more: Pulumi was killed.
  process.stderr.on("error", () => stop("the end of whoever ran it"));
  return controller.signal;
};

const run = async (verb: string): Promise<void> => {
  const manager = realDeps(silent);
  const { clock, id } = manager;
  const deps: LeavingDeps = {
    clock,
    id,
    say,
    region: awsRegion,
    bucket: awsBucket,
    secrets: awsSecrets,
    forget: forgetAtGitHub(manager),
  };
  const signal = interrupted();
  const limits = limitsFrom(process.env[limitsVariable]);
  if (verb === "settle") return settle(options(drainOptions), deps, signal, limits);
  if (verb === "drain") return drain(options(drainOptions), deps, signal, limits);
  if (verb === "sweep") return sweep(options(sweepOptions), deps, signal, limits);
  throw new LeavingError(`the verb is ${verb}; allowed are ${verbs.join(", ")}.`);
};

run(process.argv.at(-1) ?? "").then(
  // Connections that are kept open would hold the process.
  () => process.exit(0),
  (error: unknown) => {
    say(reason(error));
    process.exit(1);
  },
);
