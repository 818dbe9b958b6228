// Goal: machines that always exist are listed as their pool's, started and stopped, and never ended or made.
import { afterEach, describe, expect, test } from "vitest";
import type { LaunchRequest } from "../../../../../agent/manager/world.ts";
import { type Answer, ec2Error, entry, instance, makeRig, page, type Rig } from "./fake.ts";

const { signal } = new AbortController();
let rig: Rig;
afterEach(() => rig.close());
const ids = ["i-00000001", "i-00000002", "i-00000003"];
const [first, second, third] = ids as [string, string, string];
const own = entry({
  name: "on-demand-eu-central-1",
  market: "on-demand",
  fixed: ids,
  besideMicrosPerHour: 5,
});
const key = "aws:a:on-demand-eu-central-1";
const fixed = (id: string, state = "running", over: Record<string, unknown> = {}) =>
  instance(id, state, {
    Tags: [
      { Key: "muster:stack", Value: "muster/test" },
      { Key: "muster:pool", Value: "whatever its tag says" },
      { Key: "muster:role", Value: "fixed" },
    ],
    ...over,
  });
/** A region with these; other calls are answered by `answer`. */
const start = (there: () => unknown[], answer: Answer = () => ({}), entries = [own]) => {
  rig = makeRig(
    (call, heeded) => (call.action === "DescribeInstances" ? page(there()) : answer(call, heeded)),
    entries,
  );
  return rig.backend();
};
const request = (machines: string[]): LaunchRequest => ({ pool: "a", offer: key, machines });
const launch = (backend: ReturnType<typeof start>, machines: string[]) => {
  const prepared = backend.prepare!("l1", request(machines))!;
  return backend.launch("l1", { ...request(machines), prepared }, [], signal);
};
const asked = (action: string) => rig.of(action).map(({ input }) => input["InstanceIds"]);

describe("a list", () => {
  test("has each as a machine of the pool that the settings name, since its last start", async () => {
    const backend = start(() => [fixed(first, "running", { LaunchTime: new Date(7_000) })]);
    expect(await backend.list(signal)).toEqual([
      { id: first, pool: "a", launch: "", offer: key, startedMs: 7_000, running: true, slot: true },
    ]);
  });

  test.each([
    ["pending", true, undefined],
    ["stopping", false, false],
    ["stopped", false, true],
    ["shutting-down", false, false],
    ["terminated", false, true],
  ])("%s: running %s, gone %s", async (state, running, gone) => {
    const [listed] = await start(() => [fixed(first, state)]).list(signal);
    expect([listed!.running, listed!.end?.gone]).toEqual([running, gone]);
  });

  test("leaves out what the settings do not name, and what they name but another made", async () => {
    const backend = start(() => [fixed("i-00000009"), fixed(first), instance(second)]);
    const listed = await backend.list(signal);
    expect(listed.map(({ id, slot }) => [id, slot])).toEqual([
      [first, true],
      [second, undefined],
    ]);
  });
});

describe("an offer", () => {
  test("costs nothing besides and names those that stand still, with why", async () => {
    const why = { Code: "Client.InstanceInitiatedShutdown", Message: "shutdown" };
    const backend = start(() => [fixed(first), fixed(second, "stopped", { StateReason: why })]);
    expect(backend.offers("a", own)).toMatchObject([{ key, priceMicros: 0, slots: [] }]);
    await backend.list(signal);
    expect(backend.offers("a", own)).toMatchObject([
      {
        slots: [
          { id: second, free: true, why: expect.stringContaining("it powered itself off") as string },
          { id: third, free: false, why: expect.stringContaining("pulumi refresh") as string },
        ],
      },
    ]);
  });

  test("is news when one of them starts, stops or vanishes, and at no other time", async () => {
    let state = "running";
    const backend = start(() => [fixed(first, state)]);
    let told = 0;
    const end = backend.watch!(() => (told += 1));
    await rig.clock.advance(1);
    const before = told;
    for (const now of ["running", "running", "stopping", "stopped", "stopped", "running"]) {
      state = now;
      await backend.list(signal);
    }
    expect(told - before).toBe(4);
    end();
    state = "terminated";
    await backend.list(signal);
    expect(told - before).toBe(4);
  });
});

describe("a launch", () => {
  test("starts exactly those that the request names, and makes nothing", async () => {
    const backend = start(() => []);
    expect(await launch(backend, [first, third])).toEqual({ machines: [first, third], failures: [] });
    expect(asked("StartInstances")).toEqual([[first], [third]]);
    expect(rig.of("CreateFleet")).toEqual([]);
  });

  test("for which EC2 has no room fails for that one alone, and closes its offer", async () => {
    const backend = start(
      () => [],
      ({ input }) =>
        String(input["InstanceIds"]) === first
          ? Promise.reject(ec2Error("InsufficientInstanceCapacity"))
          : {},
    );
    const { machines, failures } = await launch(backend, [first, second]);
    expect(machines).toEqual([second]);
    expect(failures).toMatchObject([{ reason: "no-capacity", scope: { on: "offer", key } }]);
  });

  test("whose outcome is unknown rejects, and may be repeated as it is", async () => {
    let broken = true;
    const backend = start(
      () => [],
      () => (broken ? Promise.reject(ec2Error("InternalError", "oops", 500)) : {}),
    );
    await expect(launch(backend, [first])).rejects.toThrow("StartInstances in eu-central-1");
    broken = false;
    expect(await launch(backend, [first])).toEqual({ machines: [first], failures: [] });
    expect(asked("StartInstances")).toEqual([[first], [first]]);
  });
});

describe("an end", () => {
  test("stops them and ends what was launched beside them", async () => {
    const backend = start(() => [fixed(first), instance("i-0000000a")]);
    await backend.destroy([first, "i-0000000a"], signal);
    expect([asked("StopInstances"), asked("TerminateInstances")]).toEqual([[[first]], [["i-0000000a"]]]);
  });

  test("asks nothing of one that stops, stands, is gone or only starts", async () => {
    const backend = start(() => [
      fixed(first, "stopping"),
      fixed(second, "stopped"),
      fixed(third, "pending"),
    ]);
    await backend.destroy(ids, signal);
    expect(rig.calls.map(({ action }) => action)).toEqual(["DescribeInstances"]);
  });

  test("that EC2 refuses for one kind is carried out for the other, and fails", async () => {
    const backend = start(
      () => [fixed(first), instance("i-0000000a")],
      ({ action }) =>
        action === "TerminateInstances" ? Promise.reject(ec2Error("UnauthorizedOperation")) : {},
    );
    await expect(backend.destroy([first, "i-0000000a"], signal)).rejects.toThrow("TerminateInstances");
    expect(asked("StopInstances")).toEqual([[first]]);
  });
});
