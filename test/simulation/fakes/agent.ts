/**
 * A runner agent in virtual time, as agent/runner behaves at the protocol: enrols, syncs, obeys each instruction once, runs
 * its Listener, and knows what to do without a manager.
 */
import type { Clock } from "../../../agent/manager/deps.ts";
import type { Agents } from "../../../agent/manager/agents.ts";
import { Refused } from "../../../agent/manager/errors.ts";
import { defaultLimits } from "../../../agent/manager/limits.ts";
import type { Invitation } from "../../../agent/manager/ports.ts";
import {
  type EnrollRequest,
  type Instruction,
  protocolVersion,
  type SyncRequest,
} from "../../../agent/protocol.ts";
import type { Story } from "../events.ts";
import type { Faults } from "../faults.ts";
import { hash, type Prng } from "../prng.ts";
import type { SimulatedGitHub } from "./github.ts";
import { type Listener, startListener } from "./listener.ts";

export interface AgentOptions {
  /** Faults strike by its name. */
  backend: string;
  /** `power-off` machines end without a manager, others keep trying. */
  ending: "power-off" | "exit";
  /** Its cloud says who it is, so that a manager that does not know it yet will: it asks again. */
  vouched?: boolean;
  clock: Clock;
  random: Prng;
  github: SimulatedGitHub;
  faults: Faults;
  story: Story;
  /** Calls the manager that answers now; rejects while there is none. */
  call: <T>(ask: (manager: Agents, signal: AbortSignal) => Promise<T>, signal: AbortSignal) => Promise<T>;
  /** The machine stops when its agent ends. */
  stopped: () => void;
}

type Status = Pick<SyncRequest, "phase" | "life" | "job" | "lastLife" | "problem" | "done">;

/** @returns ends the agent without a word */
export function startAgent(invitation: Invitation, options: AgentOptions): () => void {
  const { clock, random, github, faults, story, backend } = options;
  const { machine } = invitation;
  const address = `10.0.${hash(machine) % 250}.${(hash(machine) >>> 8) % 250}`;
  const over = new AbortController();
  let changed = new AbortController();
  let status: Status = { phase: "preparing", life: 0, job: null, lastLife: null, problem: null, done: 0 };
  let listener: Listener | null = null;
  let draining = false;
  let ended = false;

  const says = (what: string) => story.happened({ is: "agent", machine, says: what });
  const set = (patch: Partial<Status>) => {
    if (over.signal.aborted) return;
    if (patch.phase !== undefined && patch.phase !== status.phase) says(patch.phase);
    status = { ...status, ...patch };
    const before = changed;
    changed = new AbortController();
    before.abort(new Error("changed"));
  };
  const kill = () => {
    listener?.kill();
    over.abort(new Error("killed"));
  };

  const run = ({ id, life, runnerName: name }: Extract<Instruction, { do: "run" }>) => {
    if (status.phase !== "ready" || listener || life <= status.life)
      return set({ done: id, problem: `run ${id} is out of place: ${status.phase} in life ${status.life}` });
    draining = false;
    set({ phase: "starting", life, job: null, lastLife: null, problem: null, done: id });
    const mine = startListener({
      ...{ life, name, clock, random, github },
      says: (line) => {
        if (faults.strikes("agent-dies", backend)) return clock.after(random.ms(0, 60_000), dies);
        if (line === "listening")
          return draining || status.phase !== "starting" ? null : set({ phase: "listening" });
        set({ job: line.running.id, ...(ended ? {} : { phase: "busy" as const }) });
      },
    });
    listener = mine;
    void mine.ended.then(async (lastLife) => {
      if (over.signal.aborted) return;
      listener = null;
      draining = false;
      set({ lastLife, ...(ended ? {} : { phase: "preparing" }) });
      await clock.sleep(random.ms(20, 400), over.signal).catch(() => {});
      if (!ended) set({ phase: "ready" });
    });
  };
  const dies = () => {
    if (over.signal.aborted) return;
    says("dies in silence");
    kill();
  };
  const interrupt = (reason: string) => {
    const job = listener?.busy();
    if (job) story.happened({ is: "job-interrupted", machine, job: job.id, reason });
    listener?.interrupt();
  };
  const drain = async (graceMs: number) => {
    const drained = listener;
    if (!drained || draining) return;
    draining = true;
    if (!drained.busy()) set({ phase: "stopping" });
    await Promise.race([drained.ended, clock.sleep(graceMs, over.signal).catch(() => {})]);
    if (!drained.busy() && listener === drained) interrupt("drained");
  };
  const end = async (reason: string) => {
    if (ended) return;
    ended = true;
    set({ phase: "stopping" });
    interrupt(reason);
    await listener?.ended;
    set({ phase: "ended" });
  };
  const withoutManager = () => {
    if (listener?.busy() || ended) return;
    if (options.ending === "power-off") return void end("no manager for too long");
    if (!listener || draining) return;
    draining = true;
    set({ phase: "stopping", problem: "no manager for too long" });
    interrupt("no manager for too long");
  };
  const obey = (instruction: Instruction) => {
    if (instruction.id <= status.done || instruction.do === "wait") return;
    says(`is told to ${instruction.do}`);
    if (instruction.do === "run") return run(instruction);
    set({ done: instruction.id });
    if (faults.strikes("ignores-end", backend)) return;
    if (instruction.do === "drain") return void drain(instruction.graceSeconds * 1_000);
    void end(instruction.reason);
  };

  const call = async <T>(ask: (manager: Agents, signal: AbortSignal) => Promise<T>, signal: AbortSignal) => {
    if (faults.strikes("sync-dropped", backend)) throw new Error("connection refused");
    const answer = await options.call(ask, signal);
    if (faults.strikes("sync-dropped", backend)) throw new Error("connection reset");
    return answer;
  };
  let heardMs = clock.now();
  const bornMs = clock.now();
  const mayYetBeKnown = ({ code }: Refused) =>
    options.vouched === true &&
    code === "unknown-machine" &&
    clock.now() - bornMs < defaultLimits.bootDeadlineMs;
  /** Repeats until it is answered; null when `stop` came first. */
  const persist = async <T>(ask: (manager: Agents, signal: AbortSignal) => Promise<T>, stop: AbortSignal) => {
    for (let pauseMs = 250; ; pauseMs = Math.min(15_000, pauseMs * 2)) {
      try {
        const answer = await call(ask, stop);
        heardMs = clock.now();
        return answer;
      } catch (error) {
        if (over.signal.aborted || (error instanceof Refused && !mayYetBeKnown(error))) throw error;
        if (stop.aborted) return null;
        if (clock.now() - heardMs >= defaultLimits.deadManMs) withoutManager();
        await either(clock, random.ms(pauseMs / 2, pauseMs), [stop, over.signal]);
        if (stop.aborted) return null;
      }
    }
  };

  const live = async () => {
    if (faults.strikes("never-enrols", backend)) return says("never enrols");
    const host = { arch: "x64", cores: 4, memoryMb: 8_192, diskFreeMb: 100_000, kernel: "6" };
    const wish: EnrollRequest = {
      ...{ protocol: protocolVersion, machine, token: invitation.token, agent: "x", host },
    };
    const enrolled = await persist((manager) => manager.enroll(wish, address), over.signal);
    if (!enrolled) return;
    const { session } = enrolled;
    clock.after(random.ms(10, 5_000), () => status.phase === "preparing" && set({ phase: "ready" }));
    let last: SyncRequest | null = null;
    for (let sequence = 1; !over.signal.aborted; sequence++) {
      const body: SyncRequest = { protocol: protocolVersion, sequence, ...status, usage: null };
      const signal = changed.signal;
      const startMs = clock.now();
      const stop = body.phase === "ended" ? farewell(clock) : signal;
      const answer = await persist((manager, heeded) => manager.sync(session, body, heeded, address), stop);
      if (answer && sequence === 2 && faults.strikes("enrols-twice", backend)) replay(wish);
      if (last && faults.strikes("sync-repeated", backend)) repeat(session, last);
      last = body;
      if (body.phase === "ended") return options.stopped();
      if (!answer) continue;
      obey(answer.instruction);
      const dueMs = startMs + Math.max(100, Math.min(answer.nextSeconds, 27) * 1_000);
      await either(clock, dueMs - clock.now(), [signal, over.signal]);
    }
  };
  /** Somebody on the machine knows the token. */
  const replay = (wish: EnrollRequest) =>
    clock.after(random.ms(0, 30_000), () => {
      const from = random.pick([address, "10.9.9.9"]);
      options
        .call((manager) => manager.enroll(wish, from), over.signal)
        .then(
          () => story.happened({ is: "replayed", machine, served: true }),
          (error: unknown) => {
            if (error instanceof Refused) story.happened({ is: "replayed", machine, served: false });
          },
        );
    });
  const repeat = (session: string, body: SyncRequest) =>
    clock.after(random.ms(0, 10_000), () => {
      options
        .call((manager, signal) => manager.sync(session, body, signal, address), over.signal)
        .catch(() => {});
    });

  live().catch(async (error: unknown) => {
    if (over.signal.aborted) return;
    // Never served again: a job may finish first.
    says(`is refused: ${(error as Error).message}`);
    if (listener?.busy()) await listener.ended;
    await end("refused");
    if (!over.signal.aborted) options.stopped();
  });
  return kill;
}

const farewell = (clock: Clock) => {
  const controller = new AbortController();
  clock.after(5_000, () => controller.abort(new Error("too late")));
  return controller.signal;
};

/** Resolves after `ms` or at the first abort of several. */
const either = (clock: Clock, ms: number, signals: readonly AbortSignal[]) =>
  new Promise<void>((resolve) => {
    const done = () => {
      cancel();
      for (const signal of signals) signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    for (const signal of signals) signal.addEventListener("abort", done, { once: true });
    if (signals.some(({ aborted }) => aborted)) done();
  });
