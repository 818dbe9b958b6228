/**
 * A cloud in virtual time, honest about what clouds do: lists that lag and fail, launches remembered by their token, the
 * offer named that refused, machines of other owners beside ours. It passes the contract suite of real backends. One that
 * names its machines itself is like EC2 in more: they end when they power off, and are listed as gone for an hour.
 */
import type { Clock } from "../../../agent/manager/deps.ts";
import type { Failure, ListedMachine } from "../../../agent/manager/facts.ts";
import type { Backend, Invitation, LaunchAnswer } from "../../../agent/manager/ports.ts";
import type { LaunchRequest, Offer } from "../../../agent/manager/world.ts";
import type { Story } from "../events.ts";
import type { Faults } from "../faults.ts";
import type { Prng } from "../prng.ts";

export interface CloudMachine extends ListedMachine {
  /** Lists show it from then on. */
  visibleMs: number;
}

export interface Cloud {
  readonly name: string;
  readonly offers: readonly Offer[];
  readonly machines: ReadonlyMap<string, CloudMachine>;
  /** Machines of somebody else in the same account. */
  readonly foreign: ReadonlySet<string>;
  /** Asked for and not yet refused, made or answered, by launch. */
  readonly inFlight: ReadonlyMap<string, LaunchRequest>;
  /** What a manager uses; every one sees the same cloud. */
  backend(): Backend;
  /** How many machines were made with this id, or for this place of a request, ever. */
  made(id: string): number;
  /** The machine stops by itself; lists say so. */
  stopped(id: string): void;
  /** The machine vanishes. */
  dies(id: string): void;
  /** Machines with this id cannot be made. */
  refuse(id: string): void;
}

export interface CloudOptions {
  name: string;
  offers: readonly Offer[];
  /** Lists show at once whatever was done before. */
  consistent: boolean;
  /** `request`: machines have the names that the request gives them. `own`: the cloud's. */
  names?: "request" | "own";
  clock: Clock;
  random: Prng;
  faults: Faults;
  story: Story;
  /** A machine came up; the returned function ends its agent without a word. */
  boot: (invitation: Invitation) => () => void;
}

/** An error that says what it means to the manager. */
class CloudError extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.detail);
    this.failure = failure;
  }
}

export function makeCloud(options: CloudOptions): Cloud {
  const { name, clock, random, faults, story, consistent, names = "request" } = options;
  const machines = new Map<string, CloudMachine>();
  const ghosts = new Map<string, { entry: CloudMachine; untilMs: number }>();
  const kills = new Map<string, () => void>();
  const answers = new Map<string, LaunchAnswer>();
  const inFlight = new Map<string, LaunchRequest>();
  const made = new Map<string, number>();
  const over = new Map<string, { entry: ListedMachine; untilMs: number }>();
  let named = 0;
  const refused = new Set<string>();
  const foreign = new Set([`${name}-of-another-stack-0`, `${name}-of-another-owner-0`]);
  let shortListMs = 0;

  const make = ({ pool, offer }: LaunchRequest, launch: string, invitation: Invitation) => {
    const place = invitation.machine;
    const id = names === "request" ? place : `i-${name}${String(++named).padStart(4, "0")}`;
    const late = !consistent && faults.strikes("list-late", name) ? random.ms(0, 50_000) : 0;
    const now = clock.now();
    machines.set(id, { id, pool, launch, offer, startedMs: now, running: true, visibleMs: now + late });
    for (const each of new Set([id, place])) made.set(each, (made.get(each) ?? 0) + 1);
    const told = { is: "machine-made", backend: name, machine: id, pool } as const;
    story.happened(id === place ? told : { ...told, place });
    if (faults.strikes("sudden-death", name)) clock.after(random.ms(1_000, 300_000), () => dies(id));
    if (!faults.strikes("boot-stuck", name)) boots(id, invitation);
    return id;
  };
  const boots = (id: string, invitation: Invitation) =>
    clock.after(random.ms(100, 20_000), () => {
      if (machines.has(id)) kills.set(id, options.boot({ ...invitation, machine: id }));
    });
  const end = (id: string, why: "destroyed" | "died" | "powered-off") => {
    const machine = machines.get(id);
    if (!machine) return;
    story.happened({ is: "machine-gone", backend: name, machine: id, why });
    machines.delete(id);
    if (!consistent && faults.strikes("list-late", name))
      ghosts.set(id, { entry: machine, untilMs: clock.now() + random.ms(0, 20_000) });
    if (names === "own") {
      const { visibleMs: _, ...entry } = machine;
      const end = { why: `it ${why}`, interrupted: why === "died", gone: true };
      over.set(id, { entry: { ...entry, running: false, end }, untilMs: clock.now() + 3_600_000 });
    }
    kills.get(id)?.();
    kills.delete(id);
  };
  const dies = (id: string) => end(id, "died");

  /** The call's effect, whenever it lands. */
  const effect = (
    launch: string,
    request: LaunchRequest,
    invitations: readonly Invitation[],
  ): LaunchAnswer => {
    const known = answers.get(launch);
    if (known) return known;
    if (faults.strikes("launch-refused", name))
      return { machines: [], failures: [failure("throttled", "backend", name, `${name}: too many calls`)] };
    const empty = failure("no-capacity", "offer", request.offer, `${request.offer}: none left`);
    if (faults.active("shortage", request.offer)) return { machines: [], failures: [empty] };
    const partial = faults.strikes("launch-partial", name) ? random.below(invitations.length + 1) : Infinity;
    const served = invitations.filter(({ machine }, at) => at < partial && !refused.has(machine));
    const answer = {
      machines: served.map((invitation) => make(request, launch, invitation)),
      failures: served.length < invitations.length ? [empty] : [],
    };
    if (served.length > 0) answers.set(launch, answer);
    return answer;
  };

  const launch: Backend["launch"] = async (id, request, invitations, signal) => {
    const { pool, offer, machines: asked } = request;
    story.happened({ is: "launch-called", backend: name, offer, pool, launch: id, machines: asked });
    inFlight.set(id, request);
    const latency = faults.strikes("launch-slow", name) ? random.ms(20_000, 90_000) : random.ms(5, 500);
    const lost = faults.strikes("launch-answer-lost", name);
    const heard = !lost && !signal.aborted && latency < 60_000;
    const answer = new Promise<LaunchAnswer>((resolve, reject) => {
      clock.after(latency, () => {
        const { machines: came, failures } = effect(id, request, invitations);
        inFlight.delete(id);
        const why = failures[0]?.reason ?? null;
        story.happened({
          is: "launch-answered",
          launch: id,
          offer,
          made: came.length,
          failure: heard ? why : "lost",
        });
        if (lost) reject(unavailable(`launch at ${name}: connection reset`));
        else resolve({ machines: came, failures });
      });
    });
    return heeding(signal, answer);
  };

  const list: Backend["list"] = async (signal) => {
    const startedMs = clock.now();
    const snapshot = () => {
      for (const past of [ghosts, over])
        for (const [id, { untilMs }] of past) if (untilMs <= clock.now()) past.delete(id);
      const shown = [...machines.values()].filter(({ visibleMs }) => visibleMs <= clock.now());
      const ended = [...over].filter(([id]) => !ghosts.has(id)).map(([, { entry }]) => entry);
      return [...ended, ...[...shown, ...[...ghosts.values()].map(({ entry }) => entry)].map(asListed)];
    };
    let seen = snapshot();
    await clock.sleep(random.ms(5, 200), signal);
    // The pages of a list are read at any moment between its call and its answer.
    if (consistent || random.chance(0.5)) seen = snapshot();
    const ok = !faults.strikes("list-fails", name);
    story.happened({ is: "list-answered", backend: name, ok, startedMs, machines: seen.length });
    if (!ok) throw unavailable(`list at ${name}: page 2: 503`);
    if (!consistent && clock.now() - shortListMs > 60_000 && faults.strikes("list-short", name)) {
      shortListMs = clock.now();
      seen = seen.slice(0, -1);
    }
    return seen;
  };

  const destroy: Backend["destroy"] = async (ids, signal) => {
    story.happened({ is: "destroy-called", backend: name, machines: ids });
    await clock.sleep(random.ms(5, 300), signal);
    if (faults.strikes("destroy-fails", name)) throw unavailable(`destroy at ${name}: 500`);
    if (faults.strikes("destroy-ignored", name)) return;
    for (const id of ids) end(id, "destroyed");
  };

  const unavailable = (detail: string) => new CloudError(failure("unavailable", "backend", name, detail));
  return {
    name,
    offers: options.offers,
    machines,
    foreign,
    inFlight,
    backend: () => ({
      name,
      consistent,
      offers: () => options.offers,
      list,
      launch,
      destroy,
      classify: (error) =>
        error instanceof CloudError
          ? error.failure
          : failure("unavailable", "backend", name, (error as Error).message),
    }),
    made: (id) => made.get(id) ?? 0,
    stopped: (id) => {
      const machine = machines.get(id);
      if (!machine?.running) return;
      machines.set(id, { ...machine, running: false });
      story.happened({ is: "machine-stopped", backend: name, machine: id });
      if (names === "own") clock.after(random.ms(1_000, 30_000), () => end(id, "powered-off"));
    },
    dies,
    refuse: (id) => void refused.add(id),
  };
}

const asListed = ({ visibleMs: _, ...entry }: CloudMachine): ListedMachine => entry;

const failure = (
  reason: Failure["reason"],
  on: "offer" | "backend",
  key: string,
  detail: string,
): Failure => ({ reason, scope: { on, key }, detail, retryAfterMs: null });

/** The answer, unless the caller gives up before: the call itself goes on. */
const heeding = <T>(signal: AbortSignal, answer: Promise<T>) =>
  new Promise<T>((resolve, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    answer.then(resolve, reject);
  });
