import { expect, test } from "vitest";
import { readPreview } from "../../../tools/preview-comment/events.ts";
import { longest, marker, renderComment } from "../../../tools/preview-comment/render.ts";
import { costs, end, failure, log, outputs, refusal, step } from "./log.ts";

const commit = "0123456789abcdef0123456789abcdef01234567";
const comment = (...events: object[]) =>
  renderComment([{ stack: "dev", preview: readPreview(log(...events)) }], commit);
const template = "aws:ec2/launchTemplate:LaunchTemplate";
/** Put together here, so that nothing in this repository looks like one. */
const token = ["ghp", "0123456789abcdefghijABCDEFGHIJ012345"].join("_");

test("a changed pool: what changes, and the costs before and after", () => {
  expect(
    comment(
      step("same", "pulumi:pulumi:Stack", "muster-dev"),
      step("same", "muster:aws:Pool", "arm64"),
      step("create", "muster:aws:Pool", "gpu"),
      step("same", "aws:ec2/vpc:Vpc", "network"),
      step("update", template, "arm64-spot", { diffs: ["blockDeviceMappings", "tagSpecifications"] }),
      step("create", template, "gpu-spot", { diffs: ["name"] }),
      outputs(costs(0.0042, 1.2), costs(0.0042, 3.5)),
      end,
    ),
  ).toBe(`${marker}
## What \`0123456789ab\` would change

### dev

**1 to create, 1 to update**, 1 unchanged.

Costs at most 1.20 → **3.50 USD an hour** (2555.00 a month). Idle 0.004 USD, as before.

|  | resource | kind | differs in |
| --- | --- | --- | --- |
| create | \`gpu-spot\` | \`ec2:LaunchTemplate\` |  |
| update | \`arm64-spot\` | \`ec2:LaunchTemplate\` | \`blockDeviceMappings\`, \`tagSpecifications\` |

| costs | before | after |  |
| --- | --- | --- | --- |
| idle, an hour | 0.0042 USD | 0.0042 USD | same |
| idle, a month | 3.07 USD | 3.07 USD | same |
| at most, an hour | 1.2000 USD | 3.5000 USD | +2.3000 |
| at most, a month | 876.00 USD | 2555.00 USD | +1679.00 |

List prices of 2026-11-01.
`);
});

test("a replacement is told once, first, loudly, and with what forces it", () => {
  const text = comment(
    step("create-replacement", "aws:ec2/instance:Instance", "manager", { diffs: ["subnetId"] }),
    step("replace", "aws:ec2/instance:Instance", "manager", {
      keys: ["subnetId"],
      diffs: ["subnetId", "tags"],
    }),
    step("delete-replaced", "aws:ec2/instance:Instance", "manager"),
    step("delete", "aws:s3/bucket:Bucket", "cache"),
    end,
  );
  expect(text).toContain("**1 to replace, 1 to delete**, 0 unchanged.");
  expect(text).toContain("> [!CAUTION]\n> **Destroyed and made anew:**\n> - `manager`: `subnetId`\n");
  expect(text).toContain("| **REPLACE** | `manager` | `ec2:Instance` | `subnetId` |");
  expect(text).toContain("| **delete** | `cache` |");
});

test("a new stack has no costs before, and one without costs has no table", () => {
  const made = comment(step("create", template, "a"), outputs(null, costs(0.5, 2)), end);
  expect(made).toContain("| idle, an hour | - | 0.5000 USD |  |");
  expect(comment(step("create", template, "a"), outputs(null, { page: "x" }), end)).not.toContain("costs");
});

test("the pools whose costs change have rows, and what stops the costs is said", () => {
  const pools = (arm64: number, more: object = {}) => ({
    arm64: { idlePerHour: 0, atMostPerHour: arm64 },
    x64: { idlePerHour: 0, atMostPerHour: 0.2 },
    ...more,
  });
  const gpu = { "gpu|`": { idlePerHour: 0.5, atMostPerHour: 0.5 } };
  const text = comment(
    outputs(
      costs(0.5, 0.9, { limit: "max", pools: pools(0.4) }),
      costs(0.01, 1, { limit: "budget", pools: pools(0.8, gpu) }),
    ),
    end,
  );
  expect(text).toContain(
    "Costs at most 0.90 → **1.00 USD an hour** (730.00 a month); the budget stops it there. Idle 0.50 → 0.01 USD.",
  );
  expect(text).toContain("| pool `arm64`, at most, an hour | 0.4000 USD | 0.8000 USD | +0.4000 |");
  expect(text).toContain("| pool `gpu''`, at most, an hour | - | 0.5000 USD | +0.5000 |");
  expect(text).not.toContain("x64");
});

test("costs in another currency than before are not compared", () => {
  const euro = { costs: { ...costs(0.01, 2).costs, currency: "EUR" } };
  const text = comment(outputs(costs(0.01, 1), euro), end);
  expect(text).toContain("Costs at most **2.00 EUR an hour** (1460.00 a month). Idle 0.01 EUR.");
  expect(text).toContain("| at most, an hour | 1.0000 USD | 2.0000 EUR |  |");
});

const rule = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";

test("what lets somebody in, or gives a right, stands on top; tags alone do not", () => {
  const text = comment(
    step("same", template, "a"),
    step("create", rule, "manager-public"),
    step("update", "aws:iam/rolePolicy:RolePolicy", "manager-policy", { diffs: ["policy"] }),
    step("update", "aws:iam/role:Role", "manager-role", { diffs: ["tags"] }),
    step("delete", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "closed"),
    step("update", "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "days"),
    end,
  );
  expect(text).toContain(`Rights change: update \`manager-policy\` (\`iam:RolePolicy\`).

> [!WARNING]
> **Who may reach what changes:**
> - **delete** \`closed\` (\`s3:BucketPublicAccessBlock\`)
> - create \`manager-public\` (\`vpc:SecurityGroupIngressRule\`)

|`);
});

test("on a new stack everything is new: no warning, and the list is folded", () => {
  const many = Array.from({ length: 11 }, (_, index) => step("create", rule, `rule-${index}`));
  const text = comment(...many, end);
  expect(text).not.toMatch(/WARNING|Rights/);
  expect(text).toContain("**11 to create**, 0 unchanged.\n\n<details><summary>11 to create</summary>\n\n|");
  expect(text).toMatch(/\| create \| `rule-9` \| `vpc:SecurityGroupIngressRule` \| {2}\|\n\n<\/details>\n$/);
});

test("what happens to things that exist is not folded with them", () => {
  const many = Array.from({ length: 11 }, (_, index) => step("create", template, `new-${index}`));
  const text = comment(...many, step("delete", template, "old"), end);
  expect(text.indexOf("| **delete** | `old` |")).toBeLessThan(text.indexOf("<details>"));
  expect(text.indexOf("| **delete** | `old` |")).toBeGreaterThan(0);
});

test("nothing would change", () => {
  expect(comment(step("same", template, "a"), end)).toContain("Nothing would change.");
});

test("a failed preview says why, without colours, and does not claim that nothing changes", () => {
  const text = comment(step("same", template, "a"), failure("muster:pools.a.max = -1: wrong"), end);
  expect(text).toContain("**The preview failed:**\n```text\nmuster:pools.a.max = -1: wrong\n```");
  expect(text).not.toContain("Nothing would change");
});

test("a policy's refusal is told by its name", () => {
  const text = comment(refusal("volumes-encrypted", "a is in clear. Cure: set encrypted: true."), end);
  expect(text).toContain("**Policies say no:**\n```text\nvolumes-encrypted: a is in clear.");
});

test("a preview that broke off, or never was, is not taken for one that changes nothing", () => {
  expect(comment(step("same", template, "a"))).toContain("did not come to its end");
  expect(renderComment([{ stack: "dev", preview: null }], commit)).toContain("There is no preview");
});

test("no value and nothing that looks like a credential is ever shown", () => {
  const text = comment(
    step("update", template, "a", { diffs: ["userData"], inputs: { userData: "the-user-data" } }),
    outputs({ secretOutput: "before-value" }, { secretOutput: "after-value" }),
    failure(
      `denied for ${token} and -----BEGIN EC ${"PRIVATE"} KEY-----\nMHcC\n-----END EC ${"PRIVATE"} KEY-----`,
    ),
    end,
  );
  for (const hidden of [token, "MHcC", "the-user-data", "before-value", "after-value"])
    expect(text).not.toContain(hidden);
  expect(text).toContain("denied for [secret] and [secret]");
});

test("names and messages of a pull request cannot leave their places", () => {
  const text = comment(
    step("create", template, "a` | **b**\n# c \u202e"),
    failure("x\n```\n# heading\n<script>"),
    end,
  );
  expect(text).toContain("| create | `a' ' **b** # c` |");
  expect(text).toContain("```text\nx\n'''\n# heading\n<script>\n```");
});

test("a hundred rows are shown, and the whole fits into a comment of GitHub", () => {
  const many = Array.from({ length: 400 }, (_, index) =>
    step("create", template, `${"long-name-".repeat(15)}${index}`),
  );
  const one = comment(...many, end);
  expect(one).toContain("... and 300 more.");
  const preview = readPreview(log(...many, end));
  const all = renderComment(
    Array.from({ length: 5 }, (_, index) => ({ stack: `s${index}`, preview })),
    commit,
  );
  expect(all.length).toBeLessThanOrEqual(longest + 100);
  expect(all).toMatch(/\|\n\n<\/details>\n\nCut here: the run's log has the rest\.\n$/);
});

test("what is no event log is refused with the line", () => {
  expect(() => readPreview(`${log(end)}{"resourcePreEvent":{}}\n`)).toThrow(/^line 2 of the event log/);
});
