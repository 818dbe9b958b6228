import { describe, expect, it } from "vitest";
import type { AwsPorts } from "../../../../../agent/cli/doctor/aws/ports.ts";
import { managerPolicy } from "../../../../../infra/aws/policy.ts";
import { allows } from "../../../../infra/aws/iam.ts";
import { afterUp, backend, exported, machine, stack } from "./deployed.ts";
import { account, lookAtAws, refuse } from "./rig.ts";

const far = backend({ name: "spot-eu-west-1", region: "eu-west-1", template: { id: "lt-2", version: 1 } });
const backends = { arm64: [backend(), far] };
const policy = managerPolicy({
  region: "eu-central-1",
  stack,
  places: backends.arm64.map(({ region, template, subnets }) => ({
    region,
    template: template.id,
    subnets: subnets.map(({ id }) => id),
    fixed: false,
  })),
  imageParameters: [],
  passedRoles: [],
  parameters: [],
  buckets: { manager: "m", cache: "c" },
  logGroup: "g",
  kmsKeyId: null,
});

/** IAM, judging by the policy that the program writes, without some of its statements. */
const judging =
  (without: readonly string[] = [], asked: string[] = []): AwsPorts["simulate"] =>
  ({ source, actions, resources, context }) => {
    asked.push(source);
    const document = { ...policy, Statement: policy.Statement.filter(({ Sid }) => !without.includes(Sid)) };
    return Promise.resolve(
      actions.flatMap((action) =>
        resources.map((resource) => ({
          action,
          resource,
          allowed: allows(document, { action, resources: [resource], context }),
          missing: [],
        })),
      ),
    );
  };

const rights = (aws: Partial<AwsPorts>, left = {}) =>
  lookAtAws(["manager-rights"], {
    aws: { ...afterUp({ backends, ...left }), ...aws },
    pulumi: { exported },
  }).then(({ all }) => all);

describe("the manager's rights", () => {
  it("as the program writes them pass every question, put to the manager's role in each region", async () => {
    const asked: string[] = [];
    const all = await rights({ simulate: judging([], asked) });
    expect(all).toEqual([
      {
        id: "manager-rights",
        level: "ok",
        found:
          "IAM's simulator allows the manager's role muster-dev-manager: ec2:CreateFleet, ec2:CreateTags, ec2:RunInstances, ec2:TerminateInstances",
        cure: "",
      },
    ]);
    expect(new Set(asked)).toEqual(new Set([`arn:aws:iam::${account}:role/muster-dev-manager`]));
  });

  it.each([
    [
      "LaunchFromOwnTemplates",
      "ec2:CreateFleet on launch-template, subnet; ec2:RunInstances on launch-template, subnet",
    ],
    ["LaunchTaggedMachines", "ec2:RunInstances on instance"],
    ["LaunchWithTheTemplatesImageAndGroups", "ec2:RunInstances on image, security-group"],
    ["LaunchWithDisksAndInterfaces", "ec2:RunInstances on network-interface, volume"],
    ["AskForFleets", "ec2:CreateFleet on fleet"],
    ["TagWhileLaunching", "ec2:CreateTags on fleet, instance, network-interface, volume"],
    ["EndOwnMachines", "ec2:TerminateInstances on instance"],
  ])("that lack %s are a blocker that names the action and what it is about", async (sid, named) => {
    const [only, ...more] = await rights({ simulate: judging([sid]) });
    expect(more).toEqual([]);
    expect(only).toMatchObject({ level: "blocker" });
    expect(only!.found).toBe(
      `the manager's role muster-dev-manager may not: ${named}; machines are not launched, or not ended (reason denied)`,
    );
    expect(only!.cure).toContain("npm run pulumi -- up -s dev");
  });

  it("that hang on what only a real call has are a warning", async () => {
    const simulate: AwsPorts["simulate"] = async (question) =>
      (await judging(["EndOwnMachines"])(question)).map((one) => ({ ...one, missing: ["aws:SourceVpc"] }));
    const [only] = await rights({ simulate });
    expect(only).toMatchObject({ level: "warning" });
    expect(only!.found).toContain(
      "ec2:TerminateInstances on instance hangs on conditions that only a real call has: aws:SourceVpc",
    );
  });

  it("cannot be told where IAM may not be asked: a warning with the rights", async () => {
    const [only] = await rights({ simulate: () => refuse("AccessDenied", "no", "SimulatePrincipalPolicy") });
    expect(only).toMatchObject({
      level: "warning",
      found: "cannot be told: SimulatePrincipalPolicy: AccessDenied: no",
    });
    expect(only!.cure).toContain("iam:SimulatePrincipalPolicy");
  });

  it("a profile without a role is a blocker; a machine without a profile is told by the machine's line", async () => {
    expect((await rights({ profileRole: () => Promise.resolve(null) }))[0]).toMatchObject({
      level: "blocker",
    });
    expect(await rights({}, { machines: [{ ...machine, profile: null }] })).toEqual([]);
  });
});
