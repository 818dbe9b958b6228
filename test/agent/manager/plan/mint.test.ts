import { describe, expect, test } from "vitest";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import { actionsOf } from "../planning.ts";
import { demand, machine, now, registered, report, world } from "../worlds.ts";

describe("registering", () => {
  test("a ready machine is registered only for a waiting job", () => {
    const machines = [machine("m1", "enrolled"), machine("m2", "enrolled")];
    expect(actionsOf(world({ machines, demand: { a: demand(1) } }), "mint")).toMatchObject([
      { machine: "m1", life: 1, name: "m1" },
    ]);
    expect(actionsOf(world({ machines }), "mint")).toEqual([]);
  });

  test("a machine that still unpacks the runner is not registered yet", () => {
    const machines = [machine("m1", "enrolled")];
    const reports = { m1: report({ phase: "preparing" }) };
    expect(actionsOf(world({ machines, reports, demand: { a: demand(1) } }), "mint")).toEqual([]);
  });

  test("a machine that was silent is not registered", () => {
    const reports = { m1: report({ atMs: now - limits.syncLateMs - 1 }) };
    expect(
      actionsOf(world({ machines: [machine("m1", "enrolled")], reports, demand: { a: demand(1) } }), "mint"),
    ).toEqual([]);
  });

  test("a reused machine registers again only when its last record is gone, under another name", () => {
    const again = registered("m1", "enrolled");
    const waiting = { demand: { a: demand(1) } };
    expect(actionsOf(world({ machines: [again], ...waiting }), "mint")).toEqual([]);
    expect(actionsOf(world({ machines: [again], ...waiting }), "remove-runner")).toHaveLength(1);
    const free = machine("m1", "enrolled", { life: 1 });
    expect(actionsOf(world({ machines: [free], ...waiting }), "mint")).toMatchObject([
      { life: 2, name: "m1-2" },
    ]);
  });
});
