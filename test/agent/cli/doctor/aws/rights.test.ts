import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { lacking, meant, principalOf, rightsQuestions } from "../../../../../agent/cli/doctor/aws/rights.ts";
import { checkout } from "../../../../../agent/cli/pulumi.ts";
import { account, deployer, goodAws, lookAtAws, refuse } from "./rig.ts";

const text = readFileSync(join(checkout, "docs/aws-rights.json"), "utf8");
const place = { account, region: "eu-central-1", namePrefix: "acme" };

/** A simulator that denies these actions. */
const denying = (denied: RegExp, missing: string[] = []) => {
  const { ports, asked } = goodAws();
  return {
    asked,
    simulate: async (question: Parameters<typeof ports.simulate>[0]) =>
      (await ports.simulate(question)).map((one) =>
        denied.test(one.action) ? { ...one, allowed: false, missing } : one,
      ),
  };
};

describe("the deployer's rights", () => {
  it("that are missing are a warning that lists them and names the page", async () => {
    const { simulate } = denying(/^(iam:CreateRole|sns:.*)$/);
    const { all } = await lookAtAws(["aws-rights"], { aws: { simulate } });
    expect(all).toHaveLength(1);
    expect(all[0]!.level).toBe("warning");
    expect(all[0]!.found).toMatch(
      /^IAM's simulator denies arn:aws:iam::111122223333:user\/ci\/deployer 11 of \d+ actions of docs\/aws-rights\.json: iam:CreateRole, sns:CreateTopic, sns:DeleteTopic/,
    );
    expect(all[0]!.cure).toContain("docs/aws-rights.json");
  });

  it("that hang on conditions of a policy are told as not told", async () => {
    const { simulate } = denying(/^ec2:CreateVpc$/, ["aws:PrincipalOrgID"]);
    const { all } = await lookAtAws(["aws-rights"], { aws: { simulate } });
    expect(all[0]).toMatchObject({
      level: "warning",
      found: expect.stringContaining("hang on conditions") as string,
    });
  });

  it("cannot be told where IAM does not judge for these credentials, and the line says which right that is", async () => {
    const { all } = await lookAtAws(["aws-rights"], {
      aws: { simulate: () => refuse("AccessDenied", "not authorized", "SimulatePrincipalPolicy") },
    });
    expect(all[0]).toMatchObject({ level: "warning" });
    expect(all[0]!.found).toBe(
      "cannot be told: IAM does not judge for these credentials (SimulatePrincipalPolicy: AccessDenied: not authorized)",
    );
    expect(all[0]!.cure).toContain("iam:SimulatePrincipalPolicy");
  });

  it("of the root user and of a federated one are not simulated", async () => {
    for (const [arn, said] of [
      [`arn:aws:iam::${account}:root`, "root user"],
      [`arn:aws:sts::${account}:federated-user/ann`, "IAM judges users and roles"],
    ] as const) {
      const { all, asked } = await lookAtAws(["aws-rights"], {
        aws: { identity: () => Promise.resolve({ account, arn }) },
      });
      expect([all[0]!.level, all[0]!.found, asked.simulations]).toEqual([
        "warning",
        expect.stringContaining(said),
        [],
      ]);
    }
  });
});

describe("what IAM is asked", () => {
  const questions = rightsQuestions(text, place);

  it("is every action of the page, none of them a pattern, of things by the stack's own names", () => {
    const actions = questions.flatMap((one) => one.actions);
    expect(actions.filter((action) => action.includes("*"))).toEqual([]);
    const listed = (JSON.parse(text) as { Statement: { Action: string | string[] }[] }).Statement.flatMap(
      ({ Action }) => Action,
    );
    expect(
      listed.filter((action) => !(meant[action] ?? [action]).every((one) => actions.includes(one))),
    ).toEqual([]);
    expect(Object.keys(meant).filter((action) => !listed.includes(action))).toEqual([]);
    const resources = new Set(questions.flatMap((one) => one.resources));
    expect(resources).toContain("arn:aws:iam::111122223333:role/acme-x");
    expect(resources).toContain("arn:aws:ssm:eu-central-1:111122223333:parameter/acme-x");
    expect(resources).toContain("arn:aws:s3:::acme-x");
    expect(
      [...resources].filter((one) => one !== "*" && (one.includes("*") || one.includes("muster"))),
    ).toEqual([]);
  });

  it("fulfils the conditions that the page sets", () => {
    const passing = questions.find(({ actions }) => actions.includes("iam:PassRole"));
    expect(passing!.context).toMatchObject({ "iam:PassedToService": "ec2.amazonaws.com" });
  });

  it("is in the partition of the region", () => {
    const [first] = rightsQuestions(text, { ...place, region: "cn-north-1" }).filter(
      ({ resources }) => resources[0] !== "*",
    );
    expect(first!.resources[0]).toMatch(/^arn:aws-cn:/);
  });
});

test("an action is lacking only where no resource of its statement allows it", () => {
  const of = (action: string, resource: string, allowed: boolean) => ({
    action,
    resource,
    allowed,
    missing: [],
  });
  const judged = [
    of("iam:CreateRole", "role", true),
    of("iam:CreateRole", "profile", false),
    of("iam:B", "x", false),
  ];
  expect(lacking(judged)).toEqual({ denied: ["iam:B"], unsure: [] });
});

test("a session of a role is judged as the role, with its path where that is to be seen", async () => {
  const arn = `arn:aws:sts::${account}:assumed-role/AWSReservedSSO_admin/ann@acme.example`;
  const sso = `arn:aws:iam::${account}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_admin`;
  expect(await principalOf({ arn, account }, { roleArn: () => Promise.resolve(sso) })).toBe(sso);
  expect(await principalOf({ arn, account }, { roleArn: () => refuse("AccessDenied") })).toBe(
    `arn:aws:iam::${account}:role/AWSReservedSSO_admin`,
  );
  expect(await principalOf({ arn: deployer, account }, { roleArn: () => refuse("asked") })).toBe(deployer);
});
