/** How the manager is asked and told: /healthz on loopback, verbs on its control socket. */
import * as z from "zod";
import { control } from "../supervisor/control.ts";
import { type UpdaterDeps, within } from "./deps.ts";
import type { Probe } from "./trial.ts";
import type { RawConfig } from "./wanted.ts";

const health = z.object({
  ok: z.boolean(),
  pid: z.number(),
  managerBundle: z.string(),
  configHash: z.string(),
  problem: z.nullable(z.string()),
});

const healthMs = 3_000;
const verbMs = 15_000;

/** Null when nobody answers, or somebody else. */
export const probe = async (config: RawConfig, { clock, fetch }: UpdaterDeps): Promise<Probe | null> => {
  const ask = async (signal: AbortSignal) => {
    const answer = await fetch(`http://127.0.0.1:${config.manager.port}/healthz`, { signal });
    return health.parse(await answer.json());
  };
  return within(clock, healthMs, "/healthz", ask).catch(() => null);
};

/** The manager answered and would not do it. */
export class ManagerRefused extends Error {
  override readonly name = "ManagerRefused";
}

const message = (body: string): string => {
  try {
    return String((JSON.parse(body) as { message?: unknown }).message ?? body).slice(0, 1_000);
  } catch {
    return body.slice(0, 1_000);
  }
};

/** @throws ManagerRefused, or an Error when nobody listens */
export const tell = async (config: RawConfig, verb: `/control/${string}`, body: string): Promise<void> => {
  const answer = await control(config.manager.socket, verb, body, verbMs);
  if (answer.status < 200 || answer.status > 299)
    throw new ManagerRefused(`${verb}: ${message(answer.body)}`);
};

const ending = z.union([z.object({ left: z.int() }), z.object({ error: z.string() })]);

/**
 * Drains and follows it to its end.
 * @param left told each time the figure changes
 * @throws Error when the connection ends before: the manager was restarted
 */
export const drainManager = async (
  config: RawConfig,
  order: { timeoutSeconds: number; pools: readonly string[] | null },
  left: (machines: number) => void,
): Promise<number> => {
  let last = "";
  // Silence is normal while jobs run: only the end of the order bounds it.
  const limitMs = order.timeoutSeconds * 1_000 + verbMs;
  const body = JSON.stringify(order.pools === null ? { timeoutSeconds: order.timeoutSeconds } : order);
  const answer = await control(config.manager.socket, "/control/drain", body, limitMs, (line) => {
    last = line;
    const machines = /^(\d+) machines? left/.exec(line)?.[1];
    if (machines !== undefined) left(Number(machines));
  });
  if (answer.status !== 200) throw new ManagerRefused(`/control/drain: ${message(answer.body)}`);
  const parsed = ending.parse(JSON.parse(last));
  if ("error" in parsed) throw new ManagerRefused(`/control/drain: ${parsed.error}`);
  return parsed.left;
};
