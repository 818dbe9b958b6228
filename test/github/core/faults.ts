/** What can go wrong, switched on for a number of times or for a while. */
import type { Clock } from "../../../agent/manager/deps.ts";

/** Faults of the protocol; each is looked up where it strikes. Sources: issues of the projects named. */
export const protocolFaults = {
  "session-conflict": "creating a session answers 409, whoever asks",
  "session-without-queue-url": "a created session has an empty messageQueueUrl (ARC #4370)",
  "session-evicted": "the next poll or refresh finds its session gone: 404 (ARC: not in redis)",
  "session-expired": "refreshing a session answers 400 RunnerScaleSetSessionExpiredException",
  "queue-token-expired": "the next poll's, delete's or acquire's queue token has expired: 401",
  "admin-token-expired": "the next scale set call's admin token has expired: 401 InvalidTokenException",
  "poll-empty-body": "a poll answers 200 with an empty body (ARC #4285)",
  "statistics-zero": "statistics are all 0 though jobs are assigned (ARC #3420, #3204)",
  "unknown-entry": "a message also holds an entry of a type that nobody knows",
  "unknown-message": "a poll answers a message of an unknown outer type",
  "scale-set-deleted": "the next poll finds its scale set deleted by the server (GARM #493, ARC #3935)",
  "labels-dropped": "a created scale set keeps only the first label, silently (GHES 3.18 to 3.20)",
  "jit-name-conflict": "generating a JIT config answers 409: the name exists",
  "runner-busy": "deleting a runner is refused as busy, idle or not",
  "completion-lost": "a job ends without JobCompleted",
  "completion-early": "JobCompleted is sent when the job starts (runner #4492)",
  "record-lingers": "a runner's record and credentials outlive its job",
  "rate-limit-exhausted": "the next REST call finds the hour's quota used up: 403 until it is renewed",
  "secondary-limit": "the next REST call is refused by the secondary limit: 403 with retry-after",
  "version-deprecated": "the broker refuses the runner's version: 403",
} as const;
export type ProtocolFault = keyof typeof protocolFaults;

/** Faults of transport; each names the calls that it strikes. */
export type RouteFault =
  /** Answers this instead. `body` default: GitHub's shape for the status. */
  | { kind: "status"; on: string; status: number; retryAfterSeconds?: number; body?: string }
  | { kind: "delay"; on: string; delayMs: number }
  /** The connection is reset before the call takes effect. */
  | { kind: "reset"; on: string }
  /** The call takes effect, then the connection closes without an answer. */
  | { kind: "lost-answer"; on: string }
  /** The call is never answered. */
  | { kind: "hang"; on: string }
  /** The JSON answer begins with a UTF-8 byte order mark. */
  | { kind: "bom"; on: string };

/** Without `count` and `forMs` a fault stays until it is cleared. */
export type Fault = (RouteFault | { kind: ProtocolFault }) & { count?: number; forMs?: number };

interface Active {
  id: number;
  fault: Fault;
  left: number;
  untilMs: number;
}

/**
 * `on` is an endpoint's name or a pattern of it (`scale-set.*`, `*`), or `METHOD /path`, where `*` stands for
 * anything, slashes included: `GET /api/v3/*`.
 */
export function matches(on: string, endpoint: string, methodAndPath: string): boolean {
  const text = on.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  const pattern = new RegExp(`^${text.join(".*")}$`);
  return pattern.test(endpoint) || pattern.test(methodAndPath);
}

export class Faults {
  readonly #clock: Clock;
  #active: Active[] = [];
  #next = 1;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Returns an id for {@link clear}. */
  set(fault: Fault): number {
    const id = this.#next++;
    const untilMs = fault.forMs === undefined ? Infinity : this.#clock.now() + fault.forMs;
    this.#active.push({ id, fault, left: fault.count ?? Infinity, untilMs });
    return id;
  }

  /** One fault, or all. */
  clear(id?: number): void {
    this.#active = id === undefined ? [] : this.#active.filter((active) => active.id !== id);
  }

  list(): readonly Fault[] {
    return this.#live().map((active) => active.fault);
  }

  /** True when the fault is on now; uses up one of its times. */
  take(kind: ProtocolFault): boolean {
    return this.#use(this.#live().find((active) => active.fault.kind === kind)) !== null;
  }

  /** The route faults that strike this call; uses up one time of each. */
  takeRoute(endpoint: string, methodAndPath: string): readonly RouteFault[] {
    const strikes = this.#live().filter(
      ({ fault }) => "on" in fault && matches(fault.on, endpoint, methodAndPath),
    );
    return strikes.map((active) => this.#use(active) as RouteFault);
  }

  #live(): Active[] {
    const now = this.#clock.now();
    this.#active = this.#active.filter((active) => active.left > 0 && now < active.untilMs);
    return this.#active;
  }

  #use(active: Active | undefined): Fault | null {
    if (!active) return null;
    active.left -= 1;
    return active.fault;
  }
}
