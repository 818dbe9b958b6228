import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { defaultLimits } from "../../agent/manager/limits.ts";
import { rerunReasons } from "../../agent/manager/losses.ts";
import type { WaitReason } from "../../agent/manager/view.ts";
import { reasons, type Reason } from "../../agent/manager/world.ts";

const text = readFileSync(join(import.meta.dirname, "../../docs/reasons.md"), "utf8");
const sections = new Map(
  text
    .split(/^### /m)
    .slice(1)
    .map((section) => [section.split("\n")[0]!, section.split("\n").slice(1).join("\n")] as const),
);

// A new code in view.ts does not compile here until it stands in this list.
const waitReasons = {
  max: true,
  budget: true,
  draining: true,
  "view-not-fresh": true,
  "journal-incomplete": true,
  "not-offered": true,
  "access-unread": true,
  "public-repository": true,
  "label-clash": true,
} satisfies Record<Exclude<WaitReason["reason"], Reason>, true>;
const codes = [...Object.keys(waitReasons), ...reasons, ...rerunReasons];

describe("docs/reasons.md", () => {
  it.each(codes)("explains %s and names the cure", (code) => {
    expect(sections.get(code)?.trim()).toMatch(/^[A-Z][^]{40,}\*\*Cure:\*\*[^]{20,}/);
  });

  it("explains nothing that does not exist", () => {
    expect([...sections.keys()].filter((code) => !codes.includes(code))).toEqual([]);
  });

  const minutes = (ms: number) => ms / 60_000;
  it.each(["no-capacity", "quota", "never-enrolled", "registration-removed", "no-gpu"] as const)(
    "names the pauses of %s as limits.ts has them",
    (code) => {
      const [first, most] = [defaultLimits.circuitMs[code], defaultLimits.circuitMsMax[code]].map(minutes);
      expect(sections.get(code)?.replaceAll(/\s+/g, " ")).toContain(`after ${first} to ${most} minutes`);
    },
  );
});
