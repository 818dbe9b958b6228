/**
 * EC2 as a backend. A machine is an instance that a fleet call launched from one of the stack's templates; it is ours by its
 * tags, which it has from its first moment. EC2 names it: the request's names are places (apply/places.ts).
 */
import { stackOf } from "../../../aws-tags.ts";
import type { AwsBackend, BackendConfig, ManagerConfig } from "../../../manager-config.ts";
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
import { asListed, instancesIn, stackFilter } from "./list.ts";
import { makePrices } from "./prices.ts";
import { rowOf } from "./reasons.ts";
import { makeRegions } from "./regions.ts";
import { prepared } from "./request.ts";
import { awsBackendName, classifyAws, offerKey, scopesOf } from "./scopes.ts";
import { connect as connected, type Ec2 } from "./sdk.ts";

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

  const listIn = async (
    region: string,
    wanted: boolean,
    signal: AbortSignal,
  ): Promise<readonly ListedMachine[]> => {
    try {
      const machines = (await instancesIn(region, [stackFilter(stack())], calls, signal)).map(asListed);
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
    watch: prices.watch,

    offers: (pool, entry) => {
      if (!launches(entry)) return [];
      const offer: Offer = {
        key: offerKey(pool, entry.name),
        backend: awsBackendName,
        priceMicros: prices.of(entry),
        scopes: scopesOf(entry),
      };
      return [offer];
    },

    prepare: (launch, request) => {
      const entries = config().pools[request.pool]?.backends ?? [];
      const entry = entries
        .filter(launches)
        .find(({ name }) => offerKey(request.pool, name) === request.offer);
      if (!entry) return undefined;
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

/** Machines that always exist are slots, which this version does not give jobs to yet. */
const launches = (entry: BackendConfig): entry is AwsBackend =>
  entry.kind === "aws" && entry.fixed.length === 0;
