import { expect, test } from "vitest";
import { neededRights, tokenRights, words } from "../../../../agent/cli/setup/rights.ts";
import { presentOf } from "../../../../agent/cli/setup/store.ts";

const plain = (values: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [`muster:${key}`, { secret: false, value }]),
  );
const aws = { manager: { on: "aws" } };

test.each<[string, Record<string, unknown>, boolean]>([
  ["this computer", {}, false],
  ["AWS with the pool that it has by default", aws, true],
  ["AWS where one pool of two says never", { ...aws, pools: { a: {}, b: { rerun: "never" } } }, true],
  ["AWS where every pool says never", { ...aws, pools: { a: { rerun: "never" } } }, false],
])("lost jobs are run again on %s: %o -> %s", (_what, values, wanted) => {
  expect(presentOf(plain(values) as Parameters<typeof presentOf>[0]).reruns).toBe(wanted);
});

test("only re-runs ask for writing Actions and reading Deployments", () => {
  expect(neededRights("organization", null).map(words)).toEqual(["Self-hosted runners: read and write"]);
  expect(neededRights("repository", "queued-runs", true).map(words)).toEqual([
    "Administration: read and write",
    "Actions: read and write",
    "Deployments: read",
    "Metadata: read",
  ]);
  expect(tokenRights("organization", null).classic).toBe("admin:org");
  expect(tokenRights("organization", null, true)).toEqual({
    fine: '"Self-hosted runners: read and write" and "Actions: read and write" and "Deployments: read" and "Administration: read"',
    classic: "admin:org and repo",
  });
});
