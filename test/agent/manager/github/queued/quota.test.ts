import { expect, test } from "vitest";
import { makeQuota } from "../../../../../agent/manager/github/queued/quota.ts";
import { clock as virtual } from "../harness.ts";

const make = () => {
  const clock = virtual();
  const quota = makeQuota({ quotaKept: 0.1, queuedMsMax: 50_000 }, { clock });
  const seen = (remaining: number, resetInMs: number) => {
    const headers: Record<string, string> = {
      "x-ratelimit-limit": "5000",
      "x-ratelimit-remaining": String(remaining),
      "x-ratelimit-reset": String(Math.round((clock.now() + resetInMs) / 1_000)),
    };
    quota.seen((name) => headers[name] ?? null);
  };
  return { clock, quota, seen };
};

test("with answers that did not change nothing is used, and nothing slows down", () => {
  const { quota, seen } = make();
  seen(600, 3_600_000);
  expect(quota.pauseMs(0)).toBe(0);
});

test("at the pace that it asks for the quota lasts to its end and a tenth is left", () => {
  const { clock, quota, seen } = make();
  const endMs = clock.now() + 3_600_000;
  let remaining = 1_500;
  let turns = 0;
  const pace = () => {
    for (let nowMs = clock.now(); nowMs < endMs; turns += 1) {
      remaining -= 4;
      const headers: Record<string, string> = {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": String(remaining),
        "x-ratelimit-reset": String(Math.round((clock.now() + endMs - nowMs) / 1_000)),
      };
      quota.seen((name) => headers[name] ?? null);
      nowMs += Math.max(3_000, quota.pauseMs(4));
    }
  };
  pace();
  expect(remaining).toBeGreaterThanOrEqual(400);
  expect(turns).toBeGreaterThan(150);
  seen(500, 60_000);
  expect(quota.pauseMs(1)).toBe(50_000);
});

test("a renewed quota, none, or one that cannot be read hold nothing up", async () => {
  const { clock, quota, seen } = make();
  expect(quota.pauseMs(100)).toBe(0);
  quota.seen(() => "soon");
  expect(quota.pauseMs(100)).toBe(0);
  seen(0, 10_000);
  expect(quota.pauseMs(1)).toBe(50_000);
  await clock.advance(11_000);
  expect(quota.pauseMs(1)).toBe(0);
});
