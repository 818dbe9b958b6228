/** `muster local stop`: drains and ends the manager of this computer. Succeeds on what is gone. */
import { control } from "../../supervisor/control.ts";
import { folder, readRecord, type Folder } from "../../supervisor/folder.ts";
import { isAlive } from "../../supervisor/process.ts";
import type { CliDeps } from "../deps.ts";
import { endDaemon } from "./daemon.ts";
import { readSettings } from "./settings.ts";

const sayMs = 3_000;
/** The manager keeps to the limit itself; this is for one that does not. */
const spareMs = 10_000;

/** Asks the manager to let running jobs finish and to launch nothing more; what it does not manage, the sweep ends. */
const drain = async (paths: Folder, deps: CliDeps) => {
  const settings = await readSettings(paths).catch(() => null);
  if (!settings) return;
  const { drainTimeoutSeconds: timeoutSeconds, socket } = settings.manager;
  const over = new AbortController();
  const progress = (async () => {
    for (let seconds = sayMs / 1000; ; seconds += sayMs / 1000) {
      await deps.clock.sleep(sayMs, over.signal);
      if (over.signal.aborted) return;
      deps.say(`draining: waiting for running jobs (${seconds} s of at most ${timeoutSeconds} s)`);
    }
  })();
  try {
    const limitMs = timeoutSeconds * 1000 + spareMs;
    const { status, body } = await control(
      socket,
      "/control/drain",
      JSON.stringify({ timeoutSeconds }),
      limitMs,
    );
    if (status !== 200) deps.say(`the drain ended early (${status}): ${body.slice(0, 500)}`);
  } catch (error) {
    deps.say(`not drained: ${(error as Error).message}`);
  } finally {
    over.abort();
    await progress;
  }
};

export const stop = async (directory: string, deps: CliDeps): Promise<void> => {
  const paths = folder(directory);
  const record = await readRecord(paths);
  if (!isAlive(record?.supervisor) && !isAlive(record?.manager)) return deps.say("no manager runs");
  await drain(paths, deps);
  await endDaemon(paths, deps);
  deps.say("the manager has stopped");
};
