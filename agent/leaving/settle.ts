/**
 * `settle`: what the drain Command does in every `up` that changes something about leaving. It takes back the order of a
 * destroy that did not go through, and waits for the machines of pools that were removed: Pulumi deletes last, so when
 * it runs the manager has the settings without them, and what their machines stand on (templates, groups, a subnet) is
 * still there. Mostly there are none, and it is over within a second.
 */
import { drainingKey } from "../manager-host.ts";
import type { DrainOptions } from "./options.ts";
import { limits as defaults, type Limits } from "./limits.ts";
import { stackValue } from "./options.ts";
import type { LeavingDeps } from "./ports.ts";
import { ageMs, readStatus } from "./status.ts";
import { plural } from "./text.ts";

/** @throws LeavingError without credentials; the signal's reason */
export const settle = async (
  options: DrainOptions,
  deps: LeavingDeps,
  signal: AbortSignal,
  limits: Limits = defaults,
): Promise<void> => {
  const { clock, say } = deps;
  const bucket = deps.bucket(options.bucket, options.home);
  if ((await bucket.read(drainingKey)) !== null) {
    await bucket.remove(drainingKey);
    say("the order of an earlier destroy was taken back: the manager starts machines again");
  }
  const regions = Object.entries(options.regions).map(([name, pools]) => ({
    region: deps.region(name, stackValue(options)),
    pools,
  }));
  const leaving = async () => {
    const found = regions.map(async ({ region, pools }) =>
      (await region.machines()).filter(({ pool }) => pool !== null && !pools.includes(pool)),
    );
    return (await Promise.all(found)).flat();
  };
  const startMs = clock.now();
  let saidMs = -Infinity;
  for (;;) {
    const left = await leaving();
    if (left.length === 0) return;
    const now = clock.now();
    const pools = [...new Set(left.map(({ pool }) => pool))].sort().join(", ");
    const what = `${plural(left.length, "machine")} of removed pools (${pools})`;
    if (now - startMs >= options.timeoutSeconds * 1_000)
      return say(`${what} still busy: the manager ends them when their jobs are done`);
    if (ageMs(await readStatus(bucket), now) > limits.staleMs)
      return say(`${what} left and no manager that ends them: "muster sweep" does`);
    if (now - saidMs >= limits.sayMs) {
      say(`waiting for ${what} to finish their jobs`);
      saidMs = now;
    }
    await clock.sleep(limits.lookMs, signal);
  }
};
