import { format } from "prettier";
import { describe, expect, test } from "vitest";
import { managerPolicy, policyCharactersMax } from "../../../infra/aws/policy.ts";
import type { LaunchPlace, ManagerPolicyArgs } from "../../../infra/aws/policy/statement.ts";
import { allows, type IamCall } from "./iam.ts";

const account = "111122223333";
const place = (template: string, region = "eu-central-1", fixed = false): LaunchPlace => ({
  region,
  template,
  subnets: [`subnet-${region}-a`, `subnet-${region}-b`],
  fixed,
});
const args: ManagerPolicyArgs = {
  region: "eu-central-1",
  stack: "muster/prod",
  places: [place("lt-arm64"), place("lt-gpu", "eu-west-1"), place("lt-fixed", "eu-central-1", true)],
  imageParameters: [
    { region: "eu-central-1", name: "/aws/service/canonical/ubuntu/arm64/ami-id" },
    { region: "eu-west-1", name: "/acme/golden" },
  ],
  passedRoles: [],
  parameters: ["/muster-prod/files", "/muster-prod/secrets/caKey", "/acme/github-app-key"],
  buckets: { manager: "muster-prod-manager-1", cache: "muster-prod-cache-1" },
  logGroup: "muster-prod-manager",
  kmsKeyId: null,
};
const builder = `arn:aws:iam::${account}:role/ci/builder`;
const key = `arn:aws:kms:eu-central-1:${account}:key/1`;
const policy = managerPolicy(args);

const ec2 = (resource: string, region = "eu-central-1") =>
  `arn:aws:ec2:${region}:${/^(image|snapshot)/.test(resource) ? "" : account}:${resource}`;
const instance = ec2("instance/i-1");
const can = (call: IamCall, of = policy) => allows(of, call);
const tagged = (tags: Record<string, string>) =>
  Object.fromEntries(Object.entries(tags).map(([tag, value]) => [`aws:ResourceTag/${tag}`, value]));
const on = (action: string, resource: string, context: Record<string, string> = {}): IamCall => ({
  action,
  resources: [resource],
  context,
});

interface Launch {
  template?: string;
  region?: string;
  subnet?: string;
  tag?: string | null;
  /** The image comes from the template, or from the call. */
  own?: "image" | "security-group" | null;
}
/** What EC2 asks when a machine is launched, for each resource that comes into play. */
const launch = ({
  template = "lt-arm64",
  region = "eu-central-1",
  tag = "muster/prod",
  ...rest
}: Launch = {}): IamCall => {
  const { subnet = `subnet-${region}-a`, own = null } = rest;
  const from = { "ec2:IsLaunchTemplateResource": "true" };
  const chosen = { "ec2:IsLaunchTemplateResource": "false" };
  const at = (resource: string) => ec2(resource, region);
  return {
    action: "ec2:RunInstances",
    resources: [
      ...(template ? [at(`launch-template/${template}`)] : []),
      at(`subnet/${subnet}`),
      ...["instance/*", "image/ami-1", "security-group/sg-1", "volume/*", "network-interface/*"].map(at),
    ],
    context: {
      ...(template && { "ec2:LaunchTemplate": at(`launch-template/${template}`) }),
      ...(tag !== null && { "aws:RequestTag/muster:stack": tag }),
    },
    of: {
      [at("image/ami-1")]: own === "image" ? chosen : from,
      [at("security-group/sg-1")]: own === "security-group" ? chosen : from,
    },
  };
};
const fleet = (call: IamCall): IamCall => ({
  ...call,
  action: "ec2:CreateFleet",
  resources: [...call.resources, ec2("fleet/*")],
});

describe("what the manager must be able to do", () => {
  test("it launches from its templates, in every region of the stack", () => {
    expect(can(launch())).toBe(true);
    expect(can(fleet(launch()))).toBe(true);
    expect(can(launch({ template: "lt-gpu", region: "eu-west-1" }))).toBe(true);
  });

  test("it tags what it launches while it launches it", () => {
    const tags = { "aws:RequestTag/muster:stack": "muster/prod", "ec2:CreateAction": "CreateFleet" };
    for (const kind of ["instance", "volume", "network-interface", "spot-instances-request"])
      expect(can(on("ec2:CreateTags", ec2(`${kind}/x`), tags))).toBe(true);
  });

  test("it looks at machines and ends its own", () => {
    const region = { "aws:RequestedRegion": "eu-west-1" };
    expect(can(on("ec2:DescribeInstances", "*", region))).toBe(true);
    const own = tagged({ "muster:stack": "muster/prod", "muster:pool": "arm64" });
    expect(can(on("ec2:TerminateInstances", instance, own))).toBe(true);
    expect(can(on("ec2:GetConsoleOutput", instance, own))).toBe(true);
  });

  test("it reads its settings, programs and secrets, and says how it is doing", () => {
    const bucket = "arn:aws:s3:::muster-prod-manager-1";
    expect(can(on("s3:GetObject", `${bucket}/manager/current.json`))).toBe(true);
    expect(can(on("s3:PutObject", `${bucket}/status/host.json`))).toBe(true);
    for (const name of args.parameters)
      expect(can(on("ssm:GetParameters", `arn:aws:ssm:eu-central-1:${account}:parameter${name}`))).toBe(true);
    expect(
      can(
        on(
          "ssm:GetParameters",
          "arn:aws:ssm:eu-central-1::parameter/aws/service/canonical/ubuntu/arm64/ami-id",
        ),
      ),
    ).toBe(true);
    expect(can(on("ssm:GetParameters", `arn:aws:ssm:eu-west-1:${account}:parameter/acme/golden`))).toBe(true);
  });

  test("it writes its own log, and no other", () => {
    const group = `arn:aws:logs:eu-central-1:${account}:log-group`;
    for (const action of ["logs:CreateLogStream", "logs:PutLogEvents"]) {
      expect(can(on(action, `${group}:muster-prod-manager:log-stream:manager`))).toBe(true);
      expect(can(on(action, `${group}:muster-prod-manager-2:log-stream:manager`))).toBe(false);
    }
    const allowed = policy.Statement.flatMap(({ Action }) => Action).filter((one) => one.startsWith("logs:"));
    expect(allowed).toEqual(["logs:CreateLogStream", "logs:PutLogEvents"]);
  });

  test("it stops and starts machines that always exist", () => {
    const fixed = tagged({ "muster:stack": "muster/prod", "muster:role": "fixed" });
    expect(can(on("ec2:StopInstances", instance, fixed))).toBe(true);
    expect(can(on("ec2:StartInstances", instance, fixed))).toBe(true);
  });

  test("with a customer key it uses that one, through EC2, S3 and SSM", () => {
    const keyed = managerPolicy({ ...args, kmsKeyId: key });
    const through = (service: string) => ({ "kms:ViaService": `${service}.eu-central-1.amazonaws.com` });
    for (const service of ["ec2", "s3", "ssm"])
      expect(can(on("kms:Decrypt", key, through(service)), keyed)).toBe(true);
    const grant = { ...through("ec2"), "kms:GrantIsForAWSResource": "true" };
    expect(can(on("kms:CreateGrant", key, grant), keyed)).toBe(true);
    expect(can(on("kms:CreateGrant", key, through("ec2")), keyed)).toBe(false);
    expect(can(on("kms:Decrypt", key), keyed)).toBe(false);
    expect(can(on("kms:Decrypt", key.replace("key/1", "key/2"), through("s3")), keyed)).toBe(false);
    expect(can(on("kms:Decrypt", key, through("s3")))).toBe(false);
  });
});

describe("what the manager cannot do", () => {
  test.each<[string, Launch]>([
    ["from another stack's template", { template: "lt-foreign" }],
    ["from the template of machines that always exist", { template: "lt-fixed" }],
    ["from its template's namesake in another region", { template: "lt-gpu" }],
    ["without a template", { template: "" }],
    ["into another network", { subnet: "subnet-foreign" }],
    ["without the stack's tag", { tag: null }],
    ["with another stack's tag", { tag: "muster/dev" }],
    ["with an image of its choice", { own: "image" }],
    ["with a firewall of its choice", { own: "security-group" }],
  ])("it cannot launch %s", (_, options) => {
    expect(can(launch(options))).toBe(false);
  });

  test("it cannot ask for a fleet from another stack's template or into another network", () => {
    expect(can(fleet(launch({ template: "lt-foreign" })))).toBe(false);
    expect(can(fleet(launch({ subnet: "subnet-foreign" })))).toBe(false);
  });

  test.each([
    ["another stack's", tagged({ "muster:stack": "muster/dev" })],
    ["nobody's", {}],
    ["itself", tagged({ "muster:stack": "muster/prod", "muster:role": "manager" })],
    ["machines that always exist", tagged({ "muster:stack": "muster/prod", "muster:role": "fixed" })],
  ])("it cannot terminate %s", (_, tags) => {
    expect(can(on("ec2:TerminateInstances", instance, tags))).toBe(false);
  });

  test("it cannot stop, start or read what is not its own", () => {
    const foreign = tagged({ "muster:stack": "muster/dev", "muster:role": "fixed" });
    for (const action of ["ec2:StopInstances", "ec2:StartInstances", "ec2:GetConsoleOutput"])
      expect(can(on(action, instance, foreign))).toBe(false);
    const elastic = tagged({ "muster:stack": "muster/prod" });
    expect(can(on("ec2:StopInstances", instance, elastic))).toBe(false);
  });

  test("it cannot tag what runs, neither to take it nor to hide it, nor give others' tags to what it launches", () => {
    const own = { "aws:RequestTag/muster:stack": "muster/prod" };
    expect(can(on("ec2:CreateTags", instance, own))).toBe(false);
    expect(can(on("ec2:CreateTags", instance, { ...own, "ec2:CreateAction": "CreateVolume" }))).toBe(false);
    const foreign = { "aws:RequestTag/muster:stack": "muster/dev", "ec2:CreateAction": "RunInstances" };
    expect(can(on("ec2:CreateTags", instance, foreign))).toBe(false);
    expect(can(on("ec2:DeleteTags", instance, own))).toBe(false);
  });

  test("it cannot change its programs, settings or their history", () => {
    const bucket = "arn:aws:s3:::muster-prod-manager-1";
    for (const object of [
      "manager/current.json",
      "manager/draining.json",
      "manager/files/0/manager.mjs",
      "other",
    ])
      for (const action of ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectAcl"])
        expect(can(on(action, `${bucket}/${object}`))).toBe(false);
    expect(can(on("s3:GetObject", `${bucket}/status/host.json`))).toBe(false);
    for (const action of ["s3:PutBucketPolicy", "s3:PutBucketVersioning", "s3:DeleteBucket"])
      expect(can(on(action, bucket))).toBe(false);
  });

  test("it cannot reach other buckets", () => {
    const foreign = "arn:aws:s3:::muster-prod-manager-10";
    expect(can(on("s3:GetObject", `${foreign}/manager/current.json`))).toBe(false);
    expect(can(on("s3:PutObject", "arn:aws:s3:::acme-releases/muster-prod-cache-1/x"))).toBe(false);
    expect(can(on("s3:ListBucket", foreign))).toBe(false);
    expect(can(on("s3:ListAllMyBuckets", "*"))).toBe(false);
  });

  test("it cannot read others' parameters, list them, or write any", () => {
    const parameter = (name: string) => `arn:aws:ssm:eu-central-1:${account}:parameter${name}`;
    for (const name of ["/muster-dev/secrets/caKey", "/muster-prod/secrets/other", "/acme/github-app-key-2"])
      expect(can(on("ssm:GetParameter", parameter(name)))).toBe(false);
    for (const action of [
      "ssm:PutParameter",
      "ssm:DeleteParameter",
      "ssm:GetParametersByPath",
      "ssm:GetParameterHistory",
    ])
      expect(can(on(action, parameter("/muster-prod/secrets/caKey")))).toBe(false);
    expect(can(on("ssm:DescribeParameters", "*"))).toBe(false);
  });

  test.each([
    ["iam:PassRole", `arn:aws:iam::${account}:role/builder`],
    ["iam:CreateUser", `arn:aws:iam::${account}:user/x`],
    ["iam:CreateAccessKey", `arn:aws:iam::${account}:user/x`],
    ["iam:PutRolePolicy", `arn:aws:iam::${account}:role/muster-prod-manager`],
    ["iam:CreateServiceLinkedRole", `arn:aws:iam::${account}:role/aws-service-role/spot.amazonaws.com/x`],
    ["sts:AssumeRole", `arn:aws:iam::${account}:role/admin`],
    ["ec2:CreateLaunchTemplateVersion", ec2("launch-template/lt-arm64")],
    ["ec2:ModifyLaunchTemplate", ec2("launch-template/lt-arm64")],
    ["ec2:ModifyInstanceAttribute", instance],
    ["ec2:AssociateIamInstanceProfile", instance],
    ["ec2:AuthorizeSecurityGroupIngress", ec2("security-group/sg-1")],
    ["ssm:SendCommand", instance],
    ["ssm:StartSession", instance],
    ["logs:CreateLogGroup", `arn:aws:logs:eu-central-1:${account}:log-group:x:*`],
    ["logs:PutLogEvents", `arn:aws:logs:eu-central-1:${account}:log-group:x:log-stream:y`],
    ["kms:Decrypt", key],
  ])("it cannot call %s", (action, resource) => {
    const own = tagged({ "muster:stack": "muster/prod" });
    expect(can(on(action, resource, { ...own, "iam:PassedToService": "ec2.amazonaws.com" }))).toBe(false);
  });

  test("it cannot count for others", () => {
    expect(can(on("cloudwatch:PutMetricData", "*", { "cloudwatch:namespace": "muster/muster/prod" }))).toBe(
      true,
    );
    for (const other of ["AWS/EC2", "muster", "muster/muster/dev"])
      expect(can(on("cloudwatch:PutMetricData", "*", { "cloudwatch:namespace": other }))).toBe(false);
  });

  test("a pool that insists on an instance profile lets it pass that role, and to EC2 alone", () => {
    const passing = managerPolicy({ ...args, passedRoles: [builder] });
    const to = (service: string, role = builder) =>
      can(on("iam:PassRole", role, { "iam:PassedToService": service }), passing);
    expect(to("ec2.amazonaws.com")).toBe(true);
    expect(to("lambda.amazonaws.com")).toBe(false);
    expect(to("ec2.amazonaws.com", `arn:aws:iam::${account}:role/admin`)).toBe(false);
  });
});

test("a stack whose machines all exist already launches nothing", () => {
  const none = managerPolicy({ ...args, places: [place("lt-fixed", "eu-central-1", true)] });
  expect(can(launch({ template: "lt-fixed" }), none)).toBe(false);
  expect(none.Statement.flatMap(({ Action }) => Action)).not.toContain("ec2:RunInstances");
});

test("no statement allows a whole service, and each has a name of its own", () => {
  const full = managerPolicy({ ...args, kmsKeyId: key, passedRoles: [builder] });
  const actions = full.Statement.flatMap(({ Action }) => Action);
  expect(actions.filter((action) => action.endsWith(":*"))).toEqual([]);
  const names = full.Statement.map(({ Sid }) => Sid);
  expect(new Set(names).size).toBe(names.length);
  expect(full.Statement.every(({ Resource }) => Resource.length > 0)).toBe(true);
});

test("24 entries in two regions, with a key and a role, fit into what IAM allows a role", () => {
  const places = Array.from({ length: 24 }, (_, index) =>
    place(`lt-0123456789abcde${index + 10}`, index % 2 ? "eu-west-1" : "eu-central-1"),
  );
  const large = managerPolicy({ ...args, places, kmsKeyId: key, passedRoles: [builder] });
  expect(JSON.stringify(large).length).toBeLessThan(policyCharactersMax);
});

test("the same stack has the same policy, whatever the order of its entries", () => {
  const turned = { ...args, places: args.places.toReversed(), parameters: args.parameters.toReversed() };
  expect(managerPolicy(turned)).toEqual(policy);
});

test("in China and in the United States' government regions ARNs are theirs", () => {
  const arns = (region: string) =>
    JSON.stringify(managerPolicy({ ...args, region, places: [place("lt-1", region)] }));
  expect(arns("cn-north-1")).not.toContain("arn:aws:");
  expect(arns("us-gov-west-1")).not.toContain("arn:aws:");
});

test("the whole policy, for review", async () => {
  const whole = managerPolicy({ ...args, kmsKeyId: key, passedRoles: [builder] });
  const text = await format(JSON.stringify(whole), { parser: "json", printWidth: 110 });
  await expect(text).toMatchFileSnapshot("policy.snapshot.json");
});
