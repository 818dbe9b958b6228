/** What happened, as the fakes saw it: the checker judges by it, the story tells it, the trace's hash is made of it. */
import type { Clock } from "../../agent/manager/deps.ts";
import { hash } from "./prng.ts";

export type SimEvent =
  | {
      is: "launch-called";
      backend: string;
      offer: string;
      pool: string;
      launch: string;
      machines: readonly string[];
    }
  | { is: "launch-answered"; launch: string; offer: string; made: number; failure: string | null }
  /** `place`: of the request, where the cloud names its machines itself. */
  | { is: "machine-made"; backend: string; machine: string; pool: string; place?: string }
  | { is: "machine-gone"; backend: string; machine: string; why: "destroyed" | "died" | "powered-off" }
  | { is: "machine-stopped"; backend: string; machine: string }
  | { is: "list-answered"; backend: string; ok: boolean; startedMs: number; machines: number }
  | { is: "destroy-called"; backend: string; machines: readonly string[] }
  | { is: "mint-called"; pool: string; name: string }
  | { is: "minted"; pool: string; name: string }
  | { is: "remove-called"; pool: string; name: string }
  | { is: "removed"; pool: string; name: string; outcome: string }
  | { is: "registration-removed"; pool: string; name: string }
  | { is: "job"; job: string; pool: string; now: string; runner: string | null }
  | { is: "told"; pool: string; assigned: number; running: number; news: string }
  | { is: "agent"; machine: string; says: string }
  | { is: "job-interrupted"; machine: string; job: string; reason: string }
  | { is: "rerun"; run: number; jobs: readonly string[]; lost: readonly string[] }
  | { is: "replayed"; machine: string; served: boolean }
  | { is: "manager"; does: string }
  | { is: "fault"; kind: string; what: string };

export interface Story {
  happened(event: SimEvent): void;
  listen(hear: (event: SimEvent) => void): void;
  /** Of everything that happened. */
  hash(): number;
  /** The last of it, a line each. */
  lines(): readonly string[];
  events(): number;
}

/** @param kept how many lines are kept for a failure's story; MUSTER_STORY=100000 for all */
export function makeStory(clock: Clock, kept = Number(process.env.MUSTER_STORY ?? 40)): Story {
  const startMs = clock.now();
  const ring: string[] = [];
  const listeners: ((event: SimEvent) => void)[] = [];
  let value = hash("");
  let count = 0;
  return {
    happened: (event) => {
      const line = `${((clock.now() - startMs) / 1_000).toFixed(3).padStart(10)} s  ${words(event)}`;
      value = hash(line, value);
      count += 1;
      ring.push(line);
      if (ring.length > kept) ring.shift();
      for (const hear of listeners) hear(event);
    },
    listen: (hear) => void listeners.push(hear),
    hash: () => value,
    lines: () => ring,
    events: () => count,
  };
}

const words = ({ is, ...rest }: SimEvent): string =>
  `${is.padEnd(20)} ${Object.entries(rest)
    .map(([key, value]) => `${key}=${Array.isArray(value) ? value.join(",") : String(value)}`)
    .join(" ")}`;
