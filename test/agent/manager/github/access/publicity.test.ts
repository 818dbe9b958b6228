import { expect, test } from "vitest";
import { mayServeStrangers } from "../../../../../agent/manager/github/access/publicity.ts";

const pool = (backends: Parameters<typeof mayServeStrangers>[0]["backends"], reuse = false) => ({
  ...{ runnerGroup: "Default", publicRepositories: "allow" as const, reuse, backends },
});

test.each([
  ["machines that are made for one job", pool([{ kind: "aws", fixed: [] }]), true],
  ["the same, as settings write it", pool([{ kind: "aws", fixed: 0 }]), true],
  [
    "machines that always exist beside them",
    pool([
      { kind: "aws", fixed: [] },
      { kind: "aws", fixed: ["i-1"] },
    ]),
    false,
  ],
  ["the same, as settings write it", pool([{ kind: "aws", fixed: 2 }]), false],
  ["machines that are used again", pool([{ kind: "aws", fixed: [] }], true), false],
  ["this computer", pool([{ kind: "local" }]), false],
])("whether strangers may be served by %s", (_what, given, may) => {
  expect(mayServeStrangers(given)).toBe(may);
});
