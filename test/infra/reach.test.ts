import { expect, test } from "vitest";
import { backendKinds, managerPlaces, reachOf, ways } from "../../infra/reach.ts";

test("each pair of manager's place and backend has a way with its proof and rule, or a sentence that refuses it", () => {
  for (const place of managerPlaces)
    for (const kind of backendKinds) {
      const way = ways[place][kind];
      if ("refused" in way) expect(way.refused).toMatch(/cannot call .*; .*/);
      else expect([way.path, way.identity, way.rule].every((text) => text.length > 5)).toBe(true);
    }
});

test("reach is public as soon as one backend's way is", () => {
  expect(reachOf("aws", ["aws"])).toBe("private");
  const way = {
    path: "public",
    identity: "a one-time token",
    rule: "the agents' port, from everywhere",
  } as const;
  const table = { ...ways, aws: { ...ways.aws, local: way } };
  expect(reachOf("aws", ["aws", "local"], table)).toBe("public");
});
