import { get } from "node:http";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { WebServer } from "../../../../agent/manager/web/server.ts";
import { fakeClock, quietDeps } from "./fake-deps.ts";
import { ask, until } from "./requests.ts";
import { sampleState } from "./sample.ts";
import { served } from "./server-fixture.ts";

let web: WebServer | null = null;
const open: (() => void)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) close();
  await web?.close();
  web = null;
});

interface Listener {
  text: string;
  status: number;
  count(event: string): number;
  close(): void;
  ended: boolean;
}

async function listen(path = "/events"): Promise<Listener> {
  const listener: Listener = {
    text: "",
    status: 0,
    ended: false,
    count: (event) => listener.text.split(`event: ${event}\n`).length - 1,
    close: () => call.destroy(),
  };
  const call = get({ host: "127.0.0.1", port: web!.port, path, agent: false }, (response) => {
    listener.status = response.statusCode!;
    response.setEncoding("utf8");
    response.on("data", (chunk: string) => (listener.text += chunk));
    response.on("close", () => (listener.ended = true));
    response.on("error", () => {});
  });
  call.on("error", () => {});
  open.push(() => call.destroy());
  await until(() => listener.status !== 0, "the stream to begin");
  return listener;
}

/** Nothing moves by itself in it. */
const idle = () => ({
  ...sampleState(),
  jobs: sampleState().jobs.filter((job) => job.state === "completed"),
});

describe("GET /events", () => {
  it("sends the present at once and a change when there is one", async () => {
    let draining = false;
    const clock = fakeClock();
    web = await served({ state: () => ({ ...idle(), draining }) }, {}, quietDeps(clock));
    const listener = await listen();
    await until(() => listener.count("state") === 1, "the first state");
    const [, data] = /data: (.*)\n/.exec(listener.text)!;
    expect(JSON.parse(data!)).toEqual({ ...idle(), draining: false });

    draining = true;
    web.changed();
    await until(() => clock.timers() > 0, "the pause");
    clock.advance(500);
    await until(() => listener.count("state") === 2, "the second state");
    expect(listener.text).toContain('"draining":true');
  });

  it("sends at most two events a second, however much changes, and the last state always", async () => {
    let version = 0;
    const clock = fakeClock();
    const state = vi.fn(() => ({ ...idle(), configHash: `v${version}` }));
    web = await served({ state }, {}, quietDeps(clock));
    const listener = await listen();
    await until(() => listener.count("state") === 1, "the first state");
    for (let tick = 0; tick < 100; tick++) {
      version++;
      web.changed();
      await until(() => clock.timers() > 0, "the listener to pause");
      clock.advance(20); // 100 changes in 2 s
    }
    clock.advance(500);
    await until(() => listener.text.includes('"configHash":"v100"'), "the last state");
    expect(listener.count("state")).toBeGreaterThanOrEqual(3);
    expect(listener.count("state")).toBeLessThanOrEqual(6);
    expect(state.mock.calls.length).toBeLessThanOrEqual(6);
  });

  it("computes nothing while nobody listens", async () => {
    const state = vi.fn(idle);
    const clock = fakeClock();
    web = await served({ state }, {}, quietDeps(clock));
    web.changed();
    expect(state).not.toHaveBeenCalled();
    const listener = await listen();
    await until(() => listener.count("state") === 1, "the first state");
    listener.close();
    await until(() => (clock.advance(500), clock.timers() === 0), "the listener to be forgotten");
    const calls = state.mock.calls.length;
    web.changed();
    clock.advance(60_000);
    expect(state).toHaveBeenCalledTimes(calls);
  });

  it("keeps a quiet stream alive with comments", async () => {
    const clock = fakeClock();
    web = await served({ state: idle }, {}, quietDeps(clock));
    const listener = await listen();
    await until(() => listener.count("state") === 1, "the first state");
    await until(() => (clock.advance(1_000), listener.text.includes(": still here")), "the heartbeat");
    expect(listener.count("state")).toBe(1);
  });

  it("goes on by itself while jobs are under way, so that their bars grow", async () => {
    const clock = fakeClock();
    web = await served({ state: () => sampleState({ now: clock.now() }) }, {}, quietDeps(clock));
    const listener = await listen("/events?as=page");
    await until(() => (clock.advance(500), listener.count("page") >= 3), "three pages");
    expect(listener.text).toContain("data: <main");
    expect(listener.count("state")).toBe(0);
  });

  it("serves one rendering to all who listen", async () => {
    const clock = fakeClock();
    const state = vi.fn(idle);
    web = await served({ state }, {}, quietDeps(clock));
    const all = [await listen(), await listen(), await listen()];
    await until(() => all.every((each) => each.count("state") === 1), "the first states");
    expect(state).toHaveBeenCalledTimes(1);
  });

  it("refuses one listener too many and takes the next after one has gone", async () => {
    const clock = fakeClock();
    web = await served({ state: idle }, { listenersMax: 1 }, quietDeps(clock));
    const first = await listen();
    expect((await listen()).status).toBe(503);
    first.close();
    const status = async () => (clock.advance(500), (await listen()).status);
    let last = 503;
    for (let attempt = 0; attempt < 50 && last === 503; attempt++) last = await status();
    expect(last).toBe(200);
  });

  it("answers HEAD without becoming a listener, and ends with the server", async () => {
    web = await served({ state: idle }, { listenersMax: 1 });
    for (let index = 0; index < 3; index++) {
      expect((await ask({ port: web.port, method: "HEAD", path: "/events" })).status).toBe(200);
    }
    const listener = await listen();
    await until(() => listener.count("state") === 1, "the first state");
    await web.close();
    web = null;
    await until(() => listener.ended, "the stream to end");
  });
});
