/** REST's limits: calls an hour (github.md section 5), and points a minute, the secondary limit (docs). */
import { restRefusal } from "../core/errors.ts";
import type { Sim } from "../core/sim.ts";
import type { Ctx } from "./http.ts";

interface Window {
  used: number;
  resetMs: number;
}
const windows = new WeakMap<Sim, Map<string, Window>>();

/** The token's hour, a new one when the last is over. */
export function rateWindow(sim: Sim, token: string): Window {
  const own = windows.get(sim) ?? new Map<string, Window>();
  windows.set(sim, own);
  const now = sim.clock.now();
  const known = own.get(token);
  if (known && now < known.resetMs) return known;
  const fresh = { used: 0, resetMs: now + 3_600_000 };
  own.set(token, fresh);
  return fresh;
}

export function rateHeaders(sim: Sim, window: Window): Record<string, string> {
  const { rateLimit } = sim.options;
  return {
    "x-ratelimit-limit": String(rateLimit),
    "x-ratelimit-remaining": String(Math.max(0, rateLimit - window.used)),
    "x-ratelimit-used": String(window.used),
    "x-ratelimit-reset": String(Math.ceil(window.resetMs / 1000)),
    "x-ratelimit-resource": "core",
  };
}

/** Counts a call of this token. @throws Refusal over one of the limits */
export function countCall(sim: Sim, c: Ctx, token: string): void {
  countPoints(sim, c, token);
  const window = rateWindow(sim, token);
  if (sim.faults.take("rate-limit-exhausted")) window.used = sim.options.rateLimit;
  const over = window.used >= sim.options.rateLimit;
  if (!over) window.used += 1;
  tellWindow(sim, c, window);
  if (over) throw restRefusal(403, "API rate limit exceeded");
}

/** A 304 does not count against the hour (docs, conditional requests). Answers the headers that now hold. */
export function uncountCall(sim: Sim, token: string): Record<string, string> {
  const window = rateWindow(sim, token);
  if (window.used > 0) window.used -= 1;
  return rateHeaders(sim, window);
}

function tellWindow(sim: Sim, c: Ctx, window: Window): void {
  for (const [name, value] of Object.entries(rateHeaders(sim, window))) c.header(name, value);
}

const minutes = new WeakMap<Sim, Map<string, { ms: number; points: number }[]>>();
const minuteMs = 60_000;

/** A read costs 1 point, a write 5; more than so many in any minute are refused, with the time to wait. */
function countPoints(sim: Sim, c: Ctx, token: string): void {
  const own = minutes.get(sim) ?? new Map<string, { ms: number; points: number }[]>();
  minutes.set(sim, own);
  const now = sim.clock.now();
  const spent = (own.get(token) ?? []).filter(({ ms }) => ms > now - minuteMs);
  const points = c.req.method === "GET" ? 1 : 5;
  const total = spent.reduce((sum, one) => sum + one.points, points);
  own.set(token, spent);
  if (total > sim.options.pointsPerMinute || sim.faults.take("secondary-limit")) {
    const seconds = Math.max(1, Math.ceil(((spent[0]?.ms ?? now) + minuteMs - now) / 1000));
    c.header("retry-after", String(seconds));
    sim.happened({ what: "secondary-limit", detail: c.req.path });
    throw restRefusal(
      403,
      "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
    );
  }
  spent.push({ ms: now, points });
}
