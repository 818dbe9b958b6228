import { pino } from "pino";
import { expect, test } from "vitest";
import type { ConnectTime } from "../../../agent/connect-time.ts";
import { keepMeasuring } from "../../../agent/manager/connect.ts";
import type { Deps } from "../../../agent/manager/deps.ts";
import { defaultLimits as limits } from "../../../agent/manager/limits.ts";
import { virtualClock } from "../../simulation/clock.ts";

const start = (broker: string | null) => {
  const clock = virtualClock();
  const deps: Deps = { clock, random: () => 0, id: () => "1", log: pino({ level: "silent" }), fetch };
  const hosts = { api: "https://api.test", broker };
  const asked: string[] = [];
  let rounds = 0;
  const measure = async (url: string): Promise<ConnectTime> => {
    asked.push(url);
    return { host: new URL(url).host, ms: asked.length, proxy: null, problem: null };
  };
  const measuring = keepMeasuring(
    () => hosts,
    limits,
    deps,
    () => (rounds += 1),
    measure,
  );
  return { clock, hosts, asked, measuring, rounds: () => rounds };
};

test("the manager measures at its start and every 30 s, until it stops", async () => {
  const { clock, asked, measuring, rounds } = start("https://broker.test/queue");
  await clock.advance(1);
  expect(measuring.now()).toMatchObject({
    api: { host: "api.test", ms: 1 },
    broker: { host: "broker.test" },
  });
  await clock.advance(limits.connectPeriodMs - 2);
  expect(asked).toHaveLength(2);
  await clock.advance(2);
  expect([asked.length, rounds()]).toEqual([4, 2]);
  measuring.stop();
  await clock.advance(10 * limits.connectPeriodMs);
  expect(asked).toHaveLength(4);
});

test("the host that hands out jobs is measured soon after it is known", async () => {
  const { clock, hosts, measuring } = start(null);
  await clock.advance(1);
  expect(Object.keys(measuring.now())).toEqual(["api"]);
  hosts.broker = "https://broker.test/queue";
  await clock.advance(limits.connectFirstMs);
  expect(Object.keys(measuring.now())).toEqual(["api", "broker"]);
});

test("where that host is never known the other one is not asked more often for it", async () => {
  const { clock, asked } = start(null);
  await clock.advance(10 * limits.connectPeriodMs);
  expect(asked.length).toBeLessThanOrEqual(10 + limits.connectPeriodMs / limits.connectFirstMs + 1);
});
