/** Runner.Listener in virtual time: polls for one job, runs it, and says what it does. */
import type { Clock } from "../../../agent/manager/deps.ts";
import type { LifeEnd } from "../../../agent/protocol.ts";
import type { Prng } from "../prng.ts";
import type { SimulatedGitHub } from "./github.ts";
import type { SimJob } from "./jobs.ts";

export interface ListenerOptions {
  life: number;
  name: string;
  clock: Clock;
  random: Prng;
  github: SimulatedGitHub;
  says: (line: "listening" | { running: SimJob }) => void;
}
export interface Listener {
  ended: Promise<LifeEnd>;
  busy(): SimJob | null;
  /** Ends it; a running job is cancelled. */
  interrupt(): void;
  /** Ends it without a word to anybody. */
  kill(): void;
}

/** A runner tells the service so often that its job goes on. */
const renewMs = 60_000;

export function startListener({ life, name, clock, random, github, says }: ListenerOptions): Listener {
  const over = new AbortController();
  let running: SimJob | null = null;
  let killed = false;

  const work = async (job: SimJob): Promise<LifeEnd> => {
    running = job;
    says({ running: job });
    const endMs = clock.now() + job.durationMs;
    try {
      while (clock.now() < endMs) {
        await clock.sleep(Math.min(renewMs, endMs - clock.now()), over.signal);
        github.renew(job);
      }
    } catch {
      if (!killed) github.finish(name, job, "canceled");
      return { life, code: killed ? null : 0, ranJob: true, result: "Canceled" };
    } finally {
      running = null;
    }
    github.finish(name, job, "succeeded");
    return { life, code: 0, ranJob: true, result: "Succeeded" };
  };
  const listen = async (): Promise<LifeEnd> => {
    await clock.sleep(random.ms(100, 3_000), over.signal);
    let said = false;
    for (;;) {
      const heard = github.poll(name);
      if (heard.is === "gone") return { life, code: 0, ranJob: false, result: null };
      if (!said) says("listening");
      said = true;
      if (heard.is === "job") {
        await clock.sleep(random.ms(50, 1_500), over.signal);
        if (github.acquire(name, heard.job)) return work(heard.job);
      }
      await clock.sleep(random.ms(300, 1_500), over.signal);
    }
  };
  const ended = listen().catch((): LifeEnd => ({ life, code: 0, ranJob: false, result: null }));
  return {
    ended,
    busy: () => running,
    interrupt: () => over.abort(new Error("interrupted")),
    kill: () => {
      killed = true;
      over.abort(new Error("killed"));
    },
  };
}
