import { expect, test } from "vitest";
import { makeCapacity, type Place } from "./capacity.ts";

const place = (over: Partial<Place> = {}): Place => ({
  ...{ region: "eu-central-1", type: "c7g.large", zone: "eu-central-1a", market: "spot", ...over },
});

test("what no pool names is there without end", () => {
  expect(makeCapacity().take(place(), 1_000)).toEqual({ got: 1_000, lack: null });
});

test("pools that leave something out are shared, and the one that is empty says why", () => {
  const capacity = makeCapacity();
  capacity.set({ type: "c7g.large" }, 3, "InsufficientInstanceCapacity");
  capacity.set({ market: "spot" }, 5, "MaxSpotInstanceCountExceeded");
  expect(capacity.take(place(), 2)).toEqual({ got: 2, lack: null });
  expect(capacity.take(place({ zone: "eu-central-1b" }), 2)).toMatchObject({
    ...{ got: 1, lack: { code: "InsufficientInstanceCapacity" } },
  });
  expect(capacity.take(place({ type: "m7g.large" }), 9)).toMatchObject({
    ...{ got: 2, lack: { code: "MaxSpotInstanceCountExceeded" } },
  });
  expect(capacity.left(place({ market: "on-demand" }))).toBe(0);
  expect(capacity.left(place({ type: "m7g.large", market: "on-demand" }))).toBe(Infinity);
});

test("with fewer than the least there is nothing, and nothing is used up", () => {
  const capacity = makeCapacity();
  capacity.set({}, 2, "VcpuLimitExceeded");
  expect(capacity.take(place(), 5, 3)).toMatchObject({ got: 0, lack: { code: "VcpuLimitExceeded" } });
  expect(capacity.take(place(), 5, 2)).toMatchObject({ got: 2 });
});

test("setting a pool anew is the whole truth about it", () => {
  const capacity = makeCapacity();
  capacity.set({ zone: "eu-central-1a" }, 0, "UnfulfillableCapacity");
  capacity.set({ zone: "eu-central-1a" }, 4, "UnfulfillableCapacity");
  expect(capacity.left(place())).toBe(4);
  capacity.clear();
  expect(capacity.left(place())).toBe(Infinity);
});
