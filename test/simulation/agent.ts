/** A runner agent as a script in virtual time: enrols, syncs, runs its Listener against the simulated GitHub. */
import type { Agents } from "../../agent/manager/agents.ts";
import type { Clock } from "../../agent/manager/deps.ts";
import type { Invitation } from "../../agent/manager/ports.ts";
import {
  type Instruction,
  type LifeEnd,
  type Phase,
  protocolVersion,
  type SyncRequest,
} from "../../agent/protocol.ts";
import type { SimulatedGitHub } from "./github.ts";
import type { Prng } from "./prng.ts";

export interface AgentFaults {
  /** A sync is lost on its way there, or its answer on the way back. */
  syncLost: number;
  /** The agent dies in silence, per life. */
  dies: number;
}
export interface AgentOptions {
  clock: Clock;
  random: Prng;
  github: SimulatedGitHub;
  /** The manager that answers now; null while there is none. */
  manager: () => Agents | null;
  faults: AgentFaults;
  /** The machine stops when its agent ends. */
  stopped: () => void;
}

export function startAgent(invitation: Invitation, options: AgentOptions): { kill(): void } {
  const { clock, random, github, faults } = options;
  const over = new AbortController();
  let phase: Phase = "preparing";
  let life = 0;
  let job: string | null = null;
  let lastLife: LifeEnd | null = null;
  let sequence = 0;
  let done = 0;
  let hangUp = () => {};

  const change = (next: Phase) => {
    phase = next;
    hangUp();
  };
  const call = async <T>(ask: (manager: Agents) => Promise<T>): Promise<T> => {
    const manager = options.manager();
    if (!manager || random.chance(faults.syncLost)) throw new Error("no manager");
    const answer = await ask(manager);
    if (random.chance(faults.syncLost)) throw new Error("answer lost");
    return answer;
  };
  const retrying = async <T>(ask: (manager: Agents) => Promise<T>): Promise<T | null> => {
    for (;;) {
      try {
        return await call(ask);
      } catch (error) {
        if ((error as { status?: number }).status !== undefined) return null; // refused: never served again
        await clock.sleep(random.ms(500, 3_000), over.signal);
      }
    }
  };

  const listener = async (name: string) => {
    await clock.sleep(random.ms(100, 3_000), over.signal);
    if (random.chance(faults.dies)) return kill();
    if (github.records.has(name)) change("listening");
    for (;;) {
      if (!github.records.has(name)) return ended(false, null);
      const taken = github.take(name);
      if (taken) {
        job = taken.id;
        change("busy");
        await clock.sleep(taken.durationMs, over.signal);
        github.finish(taken.id);
        return ended(true, "Succeeded");
      }
      await clock.sleep(random.ms(300, 1_500), over.signal);
    }
  };
  const ended = (ranJob: boolean, result: string | null) => {
    lastLife = { life, code: 0, ranJob, result };
    change("ready");
  };

  const follow = async (instruction: Instruction): Promise<boolean> => {
    if (instruction.do === "wait" || instruction.id <= done) return true;
    done = instruction.id;
    if (instruction.do === "end") {
      phase = "ended";
      await retrying((manager) => manager.sync(session, body(), over.signal));
      over.abort(new Error("ended"));
      options.stopped();
      return false;
    }
    if (instruction.do === "run") {
      life = instruction.life;
      job = null;
      lastLife = null;
      change("starting");
      listener(instruction.runnerName).catch(() => {});
    }
    return true;
  };
  const body = (): SyncRequest => ({
    protocol: protocolVersion,
    sequence: ++sequence,
    phase,
    life,
    job,
    lastLife,
    problem: null,
    usage: null,
    done,
  });

  let session = "";
  const run = async () => {
    const host = { arch: "x64", cores: 4, memoryMb: 8_192, diskFreeMb: 100_000, kernel: "6" };
    const enrolled = await retrying((manager) =>
      manager.enroll(
        { protocol: protocolVersion, machine: invitation.machine, token: invitation.token, agent: "x", host },
        "",
      ),
    );
    if (!enrolled) return options.stopped();
    session = enrolled.session;
    clock.after(random.ms(10, 5_000), () => change("ready"));
    for (;;) {
      const held = new AbortController();
      hangUp = () => held.abort();
      const answer = await retrying((manager) => manager.sync(session, body(), held.signal));
      if (!answer) return options.stopped();
      if (!(await follow(answer.instruction))) return;
      if (!held.signal.aborted) await pause(Math.min(30_000, answer.nextSeconds * 1_000), held.signal);
    }
  };
  const pause = (ms: number, changed: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const cancel = clock.after(ms, resolve);
      changed.addEventListener("abort", () => (cancel(), resolve()), { once: true });
      over.signal.addEventListener("abort", () => reject(over.signal.reason as Error), { once: true });
    });
  const kill = () => {
    if (!over.signal.aborted) over.abort(new Error("killed"));
  };
  run().catch(() => {});
  return { kill };
}
