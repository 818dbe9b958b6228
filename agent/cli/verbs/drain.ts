/** `muster drain`: the manager starts nothing more; running jobs finish. `--undo` takes it back. */
import * as z from "zod";
import { control } from "../../supervisor/control.ts";
import type { CliDeps } from "../deps.ts";
import { CliError } from "../errors.ts";
import { findState } from "../state.ts";
import { duration } from "../table.ts";
import { upCommand, type Where } from "../where.ts";

/** The manager keeps to the limit itself; this is for one that does not. */
const spareMs = 10_000;
const sayMs = 15_000;
const undoMs = 5_000;

const units = { "": 1, s: 1, m: 60, h: 3_600 } as const;

/** `90`, `90s`, `10m`, `2h` in seconds. @throws CliError */
export const parseDuration = (text: string): number => {
  const [, figure, unit] = /^(\d{1,6})(s|m|h)?$/.exec(text.trim()) ?? [];
  const seconds = Number(figure) * units[(unit ?? "") as keyof typeof units];
  if (figure !== undefined && seconds <= 86_400) return seconds;
  throw new CliError(`--timeout is ${text}; allowed is up to a day as 90s, 10m or 2h.`);
};

const last = z.union([z.object({ left: z.int() }), z.object({ error: z.string() })]);

export interface Left {
  id: string;
  stage: string;
  job: string | null;
}

const mustRun = async (where: Where) => {
  const found = await findState(where);
  if (!found.state || !found.config) throw new CliError(`${found.problem}; ${found.cure}.`);
  return { socket: found.config.manager.socket };
};

/**
 * Returns when no machine is left or the time is over. The manager goes on draining in both cases, and also when this
 * process ends before: only `undrain`, or `up`, takes it back.
 * @throws CliError when no manager answers
 */
export const drain = async (where: Where, seconds: number, deps: CliDeps): Promise<readonly Left[]> => {
  const { socket } = await mustRun(where);
  const startMs = deps.clock.now();
  let now = "asking the manager";
  const say = (line: string) => {
    if (!line.startsWith("{")) deps.say(`draining: ${(now = line)}`);
  };
  const over = new AbortController();
  const repeat = async () => {
    for (;;) {
      await deps.clock.sleep(sayMs, over.signal);
      if (over.signal.aborted) return;
      const left = Math.max(0, seconds * 1000 - (deps.clock.now() - startMs));
      deps.say(`draining: ${now} (for at most ${duration(left)} more)`);
    }
  };
  const repeating = repeat();
  try {
    const request = JSON.stringify({ timeoutSeconds: seconds });
    const limitMs = seconds * 1000 + spareMs;
    const { status, body } = await control(socket, "/control/drain", request, limitMs, say);
    const outcome = last.safeParse(json(body.trimEnd().split("\n").at(-1) ?? ""));
    if (status !== 200) throw new CliError(`the manager refused to drain (${status}): ${body.slice(0, 500)}`);
    if (!outcome.success)
      throw new CliError(
        `the manager's answer broke off; it goes on draining if it lives: ${upCommand(where.stack)} starts it anew.`,
      );
    if ("error" in outcome.data) throw new CliError(`the manager could not drain: ${outcome.data.error}`);
    if (outcome.data.left === 0) return [];
  } finally {
    over.abort();
    await repeating;
  }
  const { state } = await findState(where);
  return (state?.machines ?? []).map(({ id, stage, job }) => ({ id, stage, job }));
};

/** Machines are started again. @throws CliError when no manager answers */
export const undrain = async (where: Where): Promise<void> => {
  const { socket } = await mustRun(where);
  const { status, body } = await control(socket, "/control/undrain", "{}", undoMs);
  if (status !== 200) throw new CliError(`the manager refused (${status}): ${body.slice(0, 500)}`);
};

const json = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};
