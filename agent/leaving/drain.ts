/**
 * `drain`: the first step of a destroy. The manager is asked to start nothing more and to let running jobs finish. All
 * of it is courtesy: a manager that does not answer is not waited for, and what it leaves the sweep ends.
 */
import { drainingKey, type DrainOrder } from "../manager-host.ts";
import type { DrainOptions } from "./options.ts";
import type { Bucket, LeavingDeps } from "./ports.ts";
import { limits as defaults, type Limits } from "./limits.ts";
import { ageMs, readStatus } from "./status.ts";
import { plural, reason } from "./text.ts";

/**
 * Returns when no machine is left, when the time is over, or as soon as it is clear that no manager does it.
 * @param signal interrupted: the order is taken back, so that a stack that stays goes on working
 * @throws LeavingError without credentials; the signal's reason
 */
export const drain = async (
  options: DrainOptions,
  deps: LeavingDeps,
  signal: AbortSignal,
  limits: Limits = defaults,
): Promise<void> => {
  const bucket = deps.bucket(options.bucket, options.home);
  if ((await readStatus(bucket)) === null)
    return deps.say("drain: the manager never said anything, so it has no machines to drain");
  const order: DrainOrder = { pools: null, timeoutSeconds: options.timeoutSeconds, id: deps.id(12) };
  await bucket.write(drainingKey, JSON.stringify(order));
  deps.say(`drain: asked the manager to finish running jobs (at most ${options.timeoutSeconds} s)`);
  try {
    deps.say(`drain: ${await follow(order, bucket, deps, signal, limits)}`);
  } catch (error) {
    await bucket.remove(drainingKey).catch((why: unknown) => {
      deps.say(`drain: the order could not be taken back: delete ${drainingKey} by hand (${reason(why)})`);
    });
    throw error;
  }
};

/** How it ended, in words. */
const follow = async (
  order: DrainOrder,
  bucket: Bucket,
  { clock, say }: LeavingDeps,
  signal: AbortSignal,
  limits: Limits,
): Promise<string> => {
  const startMs = clock.now();
  const limitMs = order.timeoutSeconds * 1_000 + limits.drainSpareMs;
  let said = { text: "", atMs: startMs };
  for (;;) {
    await clock.sleep(limits.lookMs, signal);
    const now = clock.now();
    const status = await readStatus(bucket);
    const ours = status?.drain?.id === order.id ? status.drain : null;
    const silentMs = ageMs(status, now);
    if (ours?.done)
      return ours.left ? `${plural(ours.left, "machine")} still busy when the time was over` : "done";
    if (!ours && now - startMs >= limits.acknowledgeMs) {
      const last = Number.isFinite(silentMs) ? `, silent for ${Math.round(silentMs / 1_000)} s` : "";
      return `the manager does not answer (dead${last}): not waiting for it, the sweep ends what runs`;
    }
    if (ours && silentMs > limits.staleMs)
      return `the manager has died meanwhile (silent for ${Math.round(silentMs / 1_000)} s)`;
    if (now - startMs >= limitMs)
      return `not done in ${Math.round(limitMs / 1_000)} s: the sweep ends what runs`;
    const text =
      ours === null
        ? "waiting for the manager to take it up"
        : ours.left === null
          ? "the manager drains"
          : `${plural(ours.left, "machine")} left`;
    if (text !== said.text || now - said.atMs >= limits.sayMs) {
      say(`drain: ${text}`);
      said = { text, atMs: now };
    }
  }
};
