/** The doctor's questions to AWS as they go over the wire: the SDK's own credentials, signatures, repetitions and answers. */
import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it, test, vi } from "vitest";
import { connectAws } from "../../../agent/cli/doctor/aws/sdk.ts";
import { realDeps } from "../../../agent/manager/deps.ts";
import { lookAtAws } from "../../agent/cli/doctor/aws/rig.ts";
import { withMoto } from "../with-moto.ts";
import { startFront, type Front } from "../../clouds/front.ts";

const region = "eu-central-1";
const moto = withMoto();
let front: Front;
beforeAll(async () => {
  front = await startFront(moto().url);
  vi.stubEnv("AWS_ENDPOINT_URL", front.url);
});
afterAll(() => front.stop());
beforeEach(async () => {
  await moto().reset();
  front.refusals.clear();
  front.launches.clear();
  front.quotas.clear();
  for (const code of ["L-1216C47A", "L-34B43A08"]) front.quotas.set(code, 64);
  front.judge = () => true;
  front.calls.length = 0;
});

const aws = () => connectAws(region, { ...realDeps(pino({ level: "silent" })), env: process.env });
const before = ["aws-login", "aws-regions", "aws-rights", "spot-role", "quotas", "machine-types"] as const;
const lookThere = (ids: Parameters<typeof lookAtAws>[0], env: NodeJS.ProcessEnv = {}) =>
  lookAtAws(ids, { aws: aws(), env });
/** As AWS calls it; moto would make another name of the service's. */
const makeSpotRole = () =>
  new IAMClient({ region }).send(
    new CreateRoleCommand({ RoleName: "AWSServiceRoleForEC2Spot", AssumeRolePolicyDocument: "{}" }),
  );

test("an account where everything is right has no blocker and no warning", async () => {
  await makeSpotRole();
  const { text, levels } = await lookThere(before);
  expect([...new Set(levels)], text.join("\n")).toEqual(["ok"]);
  expect(text[0]).toMatch(/^ok aws-login: arn:aws:sts::123456789012:user\/moto, account 123456789012$/);
});

test("an account where nothing is right has a finding for each thing", async () => {
  for (const code of front.quotas.keys()) front.quotas.set(code, 0);
  front.judge = ({ action }) => !action.startsWith("ec2:Create");
  const { text } = await lookThere(["aws-rights", "spot-role", "quotas"]);
  expect(text.map((line) => line.slice(0, 60))).toEqual([
    expect.stringMatching(/^warning aws-rights: IAM's simulator denies arn:aws:sts/) as string,
    expect.stringMatching(/^warning spot-role: the account has no AWSServiceRoleForEC2/) as string,
    expect.stringMatching(/^blocker quotas: the quota "Running On-Demand Standard/) as string,
    expect.stringMatching(/^blocker quotas: the quota "All Standard/) as string,
  ]);
  expect(text[0]).toContain("ec2:CreateInternetGateway, ec2:CreateLaunchTemplate");
});

describe("credentials", () => {
  it("that nobody finds are one blocker, and the rest is not looked at", async () => {
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) vi.stubEnv(name, "");
    try {
      const { all } = await lookThere(before);
      expect(all[0]).toMatchObject({ id: "aws-login", level: "blocker" });
      expect(all[0]!.found).toContain("no AWS credentials are found here");
      expect(new Set(all.slice(1).map(({ level }) => level))).toEqual(new Set(["skipped"]));
      expect(front.calls).toEqual([]);
    } finally {
      for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]) vi.stubEnv(name, "test");
    }
  });

  it.each([
    ["ExpiredToken", "has expired"],
    ["InvalidClientTokenId", "does not know this access key"],
    ["SignatureDoesNotMatch", "does not belong to the access key"],
  ])("that STS refuses with %s are a blocker that says so, asked once", async (code, said) => {
    front.refusals.set("GetCallerIdentity", { status: 403, code, message: "refused" });
    const { all } = await lookThere(["aws-login"]);
    expect([all[0]!.level, all[0]!.found]).toEqual(["blocker", expect.stringContaining(said)]);
    expect(front.calls).toEqual(["GetCallerIdentity"]);
  });

  it("with nobody at the other end are a blocker", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    try {
      const { all } = await lookThere(["aws-login"]);
      expect([all[0]!.level, all[0]!.found]).toEqual([
        "blocker",
        expect.stringMatching(/^AWS does not answer \(/),
      ]);
    } finally {
      vi.stubEnv("AWS_ENDPOINT_URL", front.url);
    }
  });
});

test("a call that is throttled or fails for a moment is repeated, and not for ever", async () => {
  front.refusals.set("GetCallerIdentity", { status: 503, code: "ServiceUnavailable", times: 2 });
  front.refusals.set("GetServiceQuota", { status: 400, code: "TooManyRequestsException", times: 1 });
  front.refusals.set("DescribeAvailabilityZones", { status: 503, code: "RequestLimitExceeded", times: 2 });
  const seen = await lookThere(["aws-login", "aws-regions", "quotas"]);
  expect([...new Set(seen.levels)], seen.text.join("\n")).toEqual(["ok"]);
  front.refusals.set("GetCallerIdentity", { status: 503, code: "ServiceUnavailable" });
  front.calls.length = 0;
  expect((await lookThere(["aws-login"])).levels).toEqual(["blocker"]);
  expect(front.calls).toEqual(["GetCallerIdentity", "GetCallerIdentity", "GetCallerIdentity"]);
});

test("a region that is not enabled is a blocker", async () => {
  front.refusals.set("DescribeAvailabilityZones", {
    status: 401,
    code: "AuthFailure",
    message: "not able to validate",
  });
  const { all } = await lookThere(["aws-regions"]);
  expect(all[0]).toMatchObject({
    level: "blocker",
    cure: expect.stringContaining("enable-region") as string,
  });
});

describe("quotas", () => {
  it("that the account never changed are those that AWS begins with", async () => {
    front.quotas.set("L-34B43A08", null);
    const { text } = await lookThere(["quotas"]);
    expect(text[1]).toMatch(/^blocker quotas: the quota "All Standard .* is 0 vCPUs/);
  });

  it("that may not be read are warnings", async () => {
    front.refusals.set("GetServiceQuota", {
      status: 400,
      code: "AccessDeniedException",
      message: "not authorized",
    });
    const { all } = await lookThere(["quotas"]);
    expect(all.map(({ level }) => level)).toEqual(["warning", "warning"]);
    expect(all[0]!.found).toContain(
      "(GetServiceQuota in eu-central-1: AccessDeniedException: not authorized)",
    );
  });
});

describe("IAM", () => {
  it("that does not judge for these credentials is a warning", async () => {
    front.refusals.set("SimulatePrincipalPolicy", {
      status: 403,
      code: "AccessDenied",
      message: "not authorized",
    });
    const { all } = await lookThere(["aws-rights"]);
    expect(all[0]).toMatchObject({ level: "warning" });
    expect(all[0]!.found).toContain("cannot be told: IAM does not judge for these credentials");
  });

  it("judges all pages of a question, and the conditions of a call", async () => {
    const actions = Array.from({ length: 23 }, (_, index) => `ec2:Act${index}`);
    front.judge = ({ context, source }) =>
      source === "arn:a" && context["ec2:IsLaunchTemplateResource"] === "true";
    const judged = await aws().simulate({
      source: "arn:a",
      actions,
      resources: ["arn:r"],
      context: { "ec2:IsLaunchTemplateResource": "true" },
    });
    expect(judged.map(({ action }) => action)).toEqual(actions);
    expect(judged.every(({ allowed }) => allowed)).toBe(true);
  });

  it("that may not show the role of EC2 Spot is a warning", async () => {
    front.refusals.set("GetRole", { status: 403, code: "AccessDenied", message: "not authorized" });
    expect((await lookThere(["spot-role"])).levels).toEqual(["warning"]);
  });
});

test("types are found where they are offered", async () => {
  const offered = await aws().offered(region, ["g5g.2xlarge", "t4g.nano"]);
  expect(new Set(offered.map(({ type }) => type))).toContain("t4g.nano");
  expect(offered.every(({ zone }) => /^eu-central-1[abc]$/.test(zone))).toBe(true);
});
