import { describe, expect, test } from "vitest";
import { after } from "../facts.ts";
import { machine, now, world } from "../worlds.ts";

describe("a launch", () => {
  const launch = {
    id: "l1",
    backend: "local",
    request: { pool: "a", offer: "local", machines: ["m1", "m2"] },
    worstMicros: 0,
    askedMs: now,
    sentMs: now,
    sends: 1,
    is: "in-flight" as const,
  };
  const asked = (id: string) => machine(id, "asked", { launch: "l1", startedMs: null });
  const sent = after(world(), { is: "launch-sent", launch, machines: [asked("m1"), asked("m2")] });
  const full = {
    reason: "no-capacity",
    scope: { on: "offer", key: "local" },
    detail: "full",
    retryAfterMs: null,
  } as const;

  test("a refused repeat ends no doubt: an earlier send may still land", () => {
    const repeated = after(sent, { is: "launch-repeated", launch: "l1" });
    const next = after(repeated, { is: "launched", launch: "l1", machines: [], failures: [full] });
    expect(Object.keys(next.machines)).toEqual(["m1", "m2"]);
    expect(next.launches["l1"]).toMatchObject({ is: "unknown", sends: 2 });
  });

  test("a partial answer keeps what came and closes what was full", () => {
    const next = after(sent, { is: "launched", launch: "l1", machines: ["m1"], failures: [full] });
    expect(Object.keys(next.machines)).toEqual(["m1"]);
    expect(next.circuits["offer:local"]).toMatchObject({ is: "open", reason: "no-capacity" });
  });

  test("a lost answer keeps all of them", () => {
    const next = after(sent, {
      is: "launch-unknown",
      launch: "l1",
      failure: { ...full, reason: "unavailable" },
    });
    expect([Object.keys(next.machines), next.launches.l1?.is]).toEqual([["m1", "m2"], "unknown"]);
  });

  test("machines that an answer does not name, but which already enrolled, stay", () => {
    const host = { arch: "x64", cores: 1, memoryMb: 1, diskFreeMb: 1, kernel: "" };
    const next = after(
      sent,
      { is: "enrolled", machine: "m2", host },
      { is: "launched", launch: "l1", machines: ["m1"], failures: [] },
    );
    expect(Object.keys(next.machines)).toEqual(["m1", "m2"]);
  });

  test("a probe is marked when it is sent and closes the circuit when it brings a machine", () => {
    const open = {
      "offer:local": { is: "open", untilMs: now, reason: "no-capacity", detail: "full", trips: 1 } as const,
    };
    const probing = after(world({ circuits: open }), { is: "launch-sent", launch, machines: [asked("m1")] });
    expect(probing.circuits["offer:local"]).toMatchObject({ is: "probing", by: "l1" });
    expect(after(probing, { is: "launched", launch: "l1", machines: ["m1"], failures: [] }).circuits).toEqual(
      {},
    );
  });
});
