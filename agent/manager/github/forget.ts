/** Clears up at GitHub when the stack goes: runner records that it made, then the sets. */
import type { ManagerConfig } from "../../manager-config.ts";
import type { Owned } from "./owned.ts";
import type { QueuedPlace } from "./queued/place.ts";
import { remove } from "./runners.ts";
import type { Service } from "./service.ts";
import { isNameOf, type Named } from "./sets.ts";

export interface ForgetTools {
  service: Service;
  /** Notes of this stack: without them its sets are known by their names, its runners by their sets. */
  owned: Pick<Owned, "sets" | "drop">;
  queued: {
    notes: Pick<QueuedPlace["notes"], "runners">;
    runners: Pick<QueuedPlace["runners"], "remove">;
  };
}

/** The scale sets of this stack, by their names and by our notes, and the runner records of these sets. */
export async function tracesOf(
  config: Named,
  { service, owned }: { service: Pick<Service, "listSets" | "listAgents">; owned: Pick<Owned, "sets"> },
  signal: AbortSignal,
) {
  const noted = new Set(owned.sets().map(({ id }) => id));
  const pools = Object.keys(config.pools);
  const all = await service.listSets(signal);
  const sets = all.filter(
    ({ id, name }) => noted.has(id) || pools.some((pool) => isNameOf(config, pool, name)),
  );
  const ids = new Set(sets.map(({ id }) => id));
  const agents = ids.size === 0 ? [] : await service.listAgents(signal);
  // By set and never by name alone: another stack may have a pool of the same name.
  const runners = agents.filter(
    ({ runnerScaleSetId }) => runnerScaleSetId !== null && ids.has(runnerScaleSetId),
  );
  return { sets, runners };
}

/** @returns names of what could not be deleted, each with the reason */
export async function forget(
  config: Named & Pick<ManagerConfig, "github">,
  tools: ForgetTools,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { service, owned } = tools;
  const left: string[] = [];
  const attempt = (name: string, call: () => Promise<unknown>) =>
    call().catch((error: unknown) => void left.push(`${name}: ${(error as Error).message}`));

  // Of these the name is ours alone; without our notes nobody could tell them from another stack's.
  await Promise.all(
    tools.queued.notes.runners().map((runner) =>
      attempt(`runner ${runner.name}`, async () => {
        const outcome = await tools.queued.runners.remove({ id: null, name: runner.name }, signal);
        if (outcome === "busy") throw new Error("a job still runs on it");
      }),
    ),
  );
  // A stack that reads queued runs and never had a set needs no scale set service, which may not even be there.
  if (config.github.source === "queued-runs" && owned.sets().length === 0) return left;

  const { sets, runners } = await tracesOf(config, tools, signal);
  await Promise.all(
    runners.map(({ id, name }) =>
      attempt(`runner ${name}`, async () => {
        if ((await remove({ id, name }, tools, signal)) === "busy") throw new Error("a job still runs on it");
      }),
    ),
  );
  await Promise.all(
    sets.map(({ id, name }) =>
      attempt(`scale set ${name}`, async () => {
        await service.deleteSet(id, signal);
        owned.drop(id);
      }),
    ),
  );
  return left;
}
