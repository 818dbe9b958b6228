/** A cloud, a bucket and a GitHub in virtual time, and what was said and asked of them. */
import type { DrainOptions, SweepOptions } from "../../../agent/leaving/options.ts";
import type { Leftover, LeavingDeps, Machine, Region } from "../../../agent/leaving/ports.ts";
import { drainingKey, statusKey, type DrainOrder, type HostStatus } from "../../../agent/manager-host.ts";
import { virtualClock } from "../../simulation/clock.ts";

const stack = { project: "muster", name: "dev" };

export const drainOptions: DrainOptions = {
  stack,
  regions: { "eu-central-1": ["arm64"] },
  home: "eu-central-1",
  bucket: "muster-dev-manager",
  timeoutSeconds: 600,
};
export const sweepOptions: SweepOptions = {
  stack,
  regions: ["eu-central-1"],
  home: "eu-central-1",
  github: { url: "https://github.com/acme", login: { kind: "token" }, source: "auto" },
  pools: ["arm64", "gpu"],
  secrets: { githubToken: "/muster-dev/secrets/githubToken" },
};

export const machine = (id: string, more: Partial<Machine> = {}): Machine => ({
  id,
  state: "running",
  pool: "arm64",
  ...more,
});

export const makeWorld = () => {
  const clock = virtualClock();
  const startMs = clock.now();
  const said: string[] = [];
  const objects = new Map<string, string>();
  const terminated: string[][] = [];
  const machines = new Map<string, Map<string, Machine>>();
  const leftovers = new Map<string, Leftover>();
  const forgets: string[] = [];
  let ids = 0;
  const world = {
    clock,
    said,
    objects,
    /** Ids of each call that ended machines. */
    terminated,
    leftovers,
    forgets,
    seconds: () => Math.round((clock.now() - startMs) / 1_000),
    /** From the call to the machine's absence from lists. */
    endMs: 40_000,
    protected: new Set<string>(),
    /** What forget answers. */
    forget: (): Promise<readonly string[]> => Promise.resolve([]),
    secret: (): Promise<{ githubToken: string }> => Promise.resolve({ githubToken: "t" }),
    machines: (region = "eu-central-1") => {
      if (!machines.has(region)) machines.set(region, new Map());
      return machines.get(region)!;
    },
    add: (...list: Machine[]) => {
      for (const one of list) world.machines().set(one.id, one);
    },
    order: () => JSON.parse(objects.get(drainingKey) ?? "null") as DrainOrder | null,
    status: (drain: HostStatus["drain"], atMs = clock.now()) => {
      const status: HostStatus = {
        at: new Date(atMs).toISOString(),
        manager: null,
        healthy: true,
        refused: null,
        drain,
        problem: null,
      };
      objects.set(statusKey, JSON.stringify(status));
    },
  };
  const region = (name: string): Region => {
    const here = world.machines(name);
    return {
      name,
      machines: () => Promise.resolve([...here.values()]),
      terminate: (wanted) => {
        terminated.push([...wanted]);
        const kept = wanted.filter((id) => world.protected.has(id));
        if (kept.length > 0) return Promise.reject(new Error(`OperationNotPermitted: ${kept.join()}`));
        for (const id of wanted) {
          here.set(id, machine(id, { state: "shutting-down" }));
          clock.after(world.endMs, () => void here.delete(id));
        }
        return Promise.resolve();
      },
      leftovers: () => Promise.resolve([...leftovers.values()]),
      remove: ({ id }) => Promise.resolve(void leftovers.delete(id)),
    };
  };
  const deps: LeavingDeps = {
    clock,
    id: () => `order-${(ids += 1)}`,
    say: (line) => void said.push(line),
    region,
    bucket: () => ({
      read: (key) => Promise.resolve(objects.get(key) ?? null),
      write: (key, text) => Promise.resolve(void objects.set(key, text)),
      remove: (key) => Promise.resolve(void objects.delete(key)),
    }),
    secrets: () => world.secret(),
    forget: (options) => {
      forgets.push(options.github.url);
      return world.forget();
    },
  };
  /** Runs it to its end, for at most an hour of virtual time: the error's message, or null. */
  const finish = async (work: Promise<void>): Promise<string | null> => {
    let outcome: { error: string | null } | null = null;
    work.then(
      () => (outcome = { error: null }),
      (error: unknown) => (outcome = { error: (error as Error).message }),
    );
    await clock.until(() => outcome !== null, 3_600_000);
    if (outcome === null) throw new Error("it has not ended in an hour");
    return (outcome as { error: string | null }).error;
  };
  return { ...world, world, deps, finish };
};

export const never = new AbortController().signal;
