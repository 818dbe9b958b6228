/**
 * EC2 as a backend. A machine is an instance that a fleet call launched from one of the stack's templates; it is ours by its
 * tags, which it has from its first moment. EC2 names it: the request's names are places (apply/places.ts). Machines of an
 * entry with `fixed` always exist (slots.ts).
 */
import type { Instance } from "@aws-sdk/client-ec2";
import { stackOf } from "../../../aws-tags.ts";
import type { BackendConfig, ManagerConfig } from "../../../manager-config.ts";
import type { Deps } from "../../deps.ts";
import type { ListedMachine } from "../../facts.ts";
import { defaultLimits } from "../../limits.ts";
import type { Backend } from "../../ports.ts";
import type { MachineId, Offer } from "../../world.ts";
import { CallFailed, makeCalls } from "./calls.ts";
import { endInstances, isInstanceId } from "./destroy.ts";
import { consoleOf } from "./evidence.ts";
import { makeHealth } from "./health.ts";
import { launchFleet } from "./launch.ts";
import { asListed, instancesIn, isFixed, stackFilter } from "./list.ts";
import { makePrices } from "./prices.ts";
import { rowOf } from "./reasons.ts";
import { makeRegions } from "./regions.ts";
import { prepared, type PreparedStart } from "./request.ts";
import { awsBackendName, classifyAws, offerKey, scopesOf } from "./scopes.ts";
import { connect as connected, type Ec2 } from "./sdk.ts";
import { fixedOf, slotListed, standingOf } from "./slots.ts";

export { awsBackendName } from "./scopes.ts";

export interface AwsOptions {
  /** One client a region. The SDK's own reads credentials, and AWS_ENDPOINT_URL, from the environment. */
  connect?: (region: string) => Ec2;
  bootDeadlineMs?: number;
}

/** @param config as it is now */
export function makeAwsBackend(
  config: () => ManagerConfig,
  deps: Deps,
  { connect = connected, bootDeadlineMs = defaultLimits.bootDeadlineMs }: AwsOptions = {},
): Backend {
  const calls = makeCalls(connect, deps.clock);
  const prices = makePrices(config, calls, deps);
  const regions = makeRegions(config, deps);
  const health = makeHealth(calls, deps);
  const stack = () => stackOf(config().stack);
  /** Where the last list saw each. */
  const regionOf = new Map<MachineId, string>();
  const unreadable = new Set<string>();
  /** Machines that always exist, by region, as the last list had them; without one they offer nothing. */
  const fixedIn = new Map<string, Map<MachineId, Instance>>();
  let news = () => {};
  const noteFixed = (region: string, found: readonly Instance[]) => {
    const stateOf = (map: ReadonlyMap<MachineId, Instance> = new Map()) =>
      JSON.stringify([...map.values()].map(({ InstanceId, State }) => [InstanceId, State?.Name]).sort());
    const before = fixedIn.get(region);
    const now = new Map(found.filter(isFixed).map((instance) => [instance.InstanceId!, instance]));
    fixedIn.set(region, now);
    if (!before || stateOf(before) !== stateOf(now)) news();
  };

  const listIn = async (
    region: string,
    wanted: boolean,
    signal: AbortSignal,
  ): Promise<readonly ListedMachine[]> => {
    try {
      const found = await instancesIn(region, [stackFilter(stack())], calls, signal);
      const fixed = fixedOf(config());
      const machines = found.flatMap((instance) => {
        if (!isFixed(instance)) return [asListed(instance)];
        const own = fixed.get(instance.InstanceId!);
        return own?.entry.region === region ? [slotListed(instance, own)] : [];
      });
      noteFixed(region, found);
      for (const { id } of machines) regionOf.set(id, region);
      if (machines.every(({ end }) => end?.gone === true)) regions.empty(region);
      return await health.judged(region, machines, signal);
    } catch (error) {
      // The role's rights went with the region's entry: nobody here can look there, and the rest must go on.
      if (wanted || !(error instanceof CallFailed) || rowOf(error.code, error.status).reason !== "denied")
        throw error;
      if (!unreadable.has(region))
        deps.log.error(
          { err: error, region },
          `aws: ${region} left the settings and may not be listed any more; machines there end by themselves`,
        );
      unreadable.add(region);
      regions.empty(region);
      return [];
    }
  };

  return {
    name: awsBackendName,
    consistent: false,
    classify: (error, offer) => classifyAws(error, offer === undefined ? {} : { offer }),
    watch: (changed) => {
      news = changed;
      const end = prices.watch(changed);
      return () => {
        news = () => {};
        end();
      };
    },

    offers: (pool, entry) => {
      if (entry.kind !== "aws") return [];
      const offer: Offer = {
        key: offerKey(pool, entry.name),
        backend: awsBackendName,
        // What always exists is paid for anyway: the budget counts it among what is always there.
        priceMicros: entry.fixed.length > 0 ? 0 : prices.of(entry),
        scopes: scopesOf(entry),
      };
      if (entry.fixed.length === 0) return [offer];
      const found = fixedIn.get(entry.region);
      return [{ ...offer, slots: found ? standingOf(entry, found) : [] }];
    },

    prepare: (launch, request) => {
      const entries = config().pools[request.pool]?.backends ?? [];
      const entry = entries
        .filter(isOfAws)
        .find(({ name }) => offerKey(request.pool, name) === request.offer);
      if (!entry) return undefined;
      if (entry.fixed.length > 0) {
        const { region, market } = entry;
        return JSON.stringify({ start: true, region, market } satisfies PreparedStart);
      }
      const deadlineMs = deps.clock.now() + bootDeadlineMs;
      return JSON.stringify(prepared({ stack: stack(), launch, request, entry, deadlineMs }));
    },

    launch: (launch, request, _invitations, signal) => launchFleet(launch, request, calls, signal),

    list: async (signal) => {
      const lists = await Promise.all(regions.all().map(({ name, wanted }) => listIn(name, wanted, signal)));
      const listed = lists.flat();
      const ids = new Set(listed.map(({ id }) => id));
      for (const id of regionOf.keys()) if (!ids.has(id)) regionOf.delete(id);
      return listed;
    },

    destroy: async (ids, signal) => {
      const own = ids.filter(isInstanceId);
      const ends = regions.all().map(async ({ name }) => {
        // Of one that no list has shown yet every region is asked.
        const here = own.filter((id) => (regionOf.get(id) ?? name) === name);
        if (here.length > 0) await endInstances(name, here, stack(), calls, signal);
      });
      const failed = (await Promise.allSettled(ends)).find(({ status }) => status === "rejected");
      if (failed?.status === "rejected") throw failed.reason;
    },

    evidence: async (id, signal) => {
      const region = regionOf.get(id);
      return region === undefined ? "" : consoleOf(region, id, calls, signal);
    },
  };
}

const isOfAws = (entry: BackendConfig) => entry.kind === "aws";
