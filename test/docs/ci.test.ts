// What docs/ci.md promises of roles and workflows, held against the files that it speaks of.
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { workflow } from "../workflows/workflows.ts";

const root = join(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const page = read("docs/ci.md");

interface Statement {
  Effect: string;
  Action: string | string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string>>;
}
const statements = (file: string) => (JSON.parse(read(file)) as { Statement: Statement[] }).Statement;

test("a role trusts one environment of one repository, exactly", () => {
  const [only, ...others] = statements("docs/aws-trust.json");
  expect(others).toEqual([]);
  expect(only!.Condition).toEqual({
    StringEquals: {
      "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
      "token.actions.githubusercontent.com:sub": "repo:OWNER/REPOSITORY:environment:ENVIRONMENT",
    },
  });
});

describe("the role of previews", () => {
  const allowed = statements("docs/aws-preview-rights.json").filter(({ Effect }) => Effect === "Allow");
  const denied = statements("docs/aws-preview-rights.json").filter(({ Effect }) => Effect === "Deny");

  test("reads the state and opens its secrets, and that is all", () => {
    expect(allowed.flatMap(({ Action }) => Action)).toEqual(["s3:GetObject", "s3:ListBucket", "kms:Decrypt"]);
    expect(allowed.flatMap(({ Resource }) => Resource)).not.toContain("*");
  });

  test("reads no parameter, whatever else somebody attaches to it", () => {
    expect(denied.flatMap(({ Action }) => Action)).toContain("ssm:GetParameter*");
    expect(denied.flatMap(({ Resource }) => Resource)).toEqual(["*"]);
  });
});

test("the page has a row for every environment that the workflows use", () => {
  const { jobs } = workflow(".github/workflows/pulumi.yml");
  const used = Object.values(jobs).flatMap(
    ({ with: given }) => given?.["environment"] ?? given?.["stack"] ?? [],
  );
  expect(used).toEqual(["preview", "preview-code", "dev", "prod"]);
  for (const environment of used)
    expect(page).toMatch(new RegExp(`\\| \`${environment}\` +\\| (\`main\`|all) `));
});

test("and for every variable", () => {
  const texts = ["pulumi", "preview", "up"].map((name) => read(`.github/workflows/${name}.yml`)).join("\n");
  const variables = new Set([...texts.matchAll(/vars\.(\w+)/g)].map(([, name]) => name!));
  expect([...variables].sort()).toEqual([
    "AWS_PREVIEW_ROLE",
    "AWS_REGION",
    "AWS_ROLE",
    "PULUMI_BACKEND_URL",
    "STACKS",
  ]);
  for (const name of variables) expect(page).toContain(`\`${name}\``);
});

test("and for every example, with the labels that it has", () => {
  for (const file of globSync("examples/workflows/*.yml", { cwd: root })) {
    const row = page.split("\n").find((line) => line.includes(`](../${file})`));
    const runsOn = Object.values(workflow(file).jobs)[0]!["runs-on"]!;
    const said = Array.isArray(runsOn) ? `\`[${runsOn.join(", ")}]\`` : "GitHub's machines";
    expect(row).toContain(`| ${said} `);
  }
});
