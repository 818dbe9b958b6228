/** `muster local stop`: drains and ends the manager of this computer. Succeeds on what is gone. */
import type { ManagerConfig } from "../../manager-config.ts";
import { control } from "../../supervisor/control.ts";
import { folder, readRecord } from "../../supervisor/folder.ts";
import { isAlive } from "../../supervisor/process.ts";
import type { CliDeps } from "../deps.ts";
import { endDaemon } from "./daemon.ts";
import { readSettings } from "./settings.ts";

const sayMs = 5_000;
/** The manager keeps to the limit itself; this is for one that does not. */
const spareMs = 10_000;

/** The last line of the answer: `{"left": n}`, or `{"error": sentence}`. */
const outcome = (body: string): { left?: number; error?: string } => {
  try {
    return JSON.parse(body.trimEnd().split("\n").at(-1) ?? "") as { left?: number; error?: string };
  } catch {
    return { error: "its answer broke off" };
  }
};

/** Asks the manager to launch nothing more and to let running jobs finish; what is left then, the sweep ends. */
const drain = async (settings: ManagerConfig, deps: CliDeps) => {
  const { drainTimeoutSeconds: timeoutSeconds, socket } = settings.manager;
  const startMs = deps.clock.now();
  let last = "waiting for running jobs";
  const say = (line: string) => {
    const elapsed = Math.round((deps.clock.now() - startMs) / 1000);
    if (!line.startsWith("{"))
      deps.say(`draining: ${(last = line)} (${elapsed} s of at most ${timeoutSeconds} s)`);
  };
  const over = new AbortController();
  const repeat = async () => {
    for (;;) {
      await deps.clock.sleep(sayMs, over.signal);
      if (over.signal.aborted) return;
      say(last);
    }
  };
  const repeating = repeat();
  try {
    const limitMs = timeoutSeconds * 1000 + spareMs;
    const request = JSON.stringify({ timeoutSeconds });
    const { status, body } = await control(socket, "/control/drain", request, limitMs, say);
    const { left, error } = outcome(body);
    if (status !== 200 || error !== undefined)
      deps.say(`not drained (${status}): ${error ?? body.slice(0, 500)}`);
    else if (left) deps.say(`time is up with ${left} machines left: they are ended now`);
  } catch (error) {
    deps.say(`not drained: ${(error as Error).message}`);
  } finally {
    over.abort();
    await repeating;
  }
};

/**
 * @param options.keepSecrets leave them in the folder (0600) for a manager that follows at once, as Pulumi replaces one
 */
export const stop = async (
  directory: string,
  deps: CliDeps,
  options: { keepSecrets?: boolean } = {},
): Promise<void> => {
  const paths = folder(directory);
  const record = await readRecord(paths);
  if (!isAlive(record?.supervisor) && !isAlive(record?.manager)) return deps.say("no manager runs");
  const settings = await readSettings(paths).catch(() => null);
  if (settings) await drain(settings, deps);
  await endDaemon(paths, deps, options.keepSecrets);
  deps.say("the manager has stopped");
};
