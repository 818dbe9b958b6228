import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { lookAtAws, refuse, stackValues, gpuPool } from "./rig.ts";
import { look, temporary } from "../rig.ts";

const before = ["aws-login", "aws-regions", "aws-rights", "spot-role", "quotas", "machine-types"] as const;

test("with everything right nothing stands in the way, and each line says what was looked at", async () => {
  const { text, levels } = await lookAtAws(before);
  expect(new Set(levels)).toEqual(new Set(["ok"]));
  expect(text).toEqual([
    "ok aws-login: arn:aws:iam::111122223333:user/ci/deployer, account 111122223333",
    "ok aws-regions: eu-central-1: eu-central-1a, eu-central-1b",
    expect.stringMatching(
      /^ok aws-rights: IAM's simulator allows all \d+ actions of docs\/aws-rights\.json$/,
    ) as string,
    "ok spot-role: the account has AWSServiceRoleForEC2Spot",
    'ok quotas: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances" in eu-central-1: 1000 vCPUs, 2 vCPUs with the manager at the most',
    'ok quotas: "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests" in eu-central-1: 1000 vCPUs, 32 vCPUs with arm64 at the most',
    "ok machine-types: the manager: t4g.nano in eu-central-1a",
    "ok machine-types: pool arm64 (spot-eu-central-1): c8g.xlarge, c7g.2xlarge in eu-central-1a, eu-central-1b",
  ]);
});

test("of a stack on this computer not a word of AWS is said, and AWS is not asked", async () => {
  const seen = await look(before, {
    pulumi: { values: { github: { url: "http://127.0.0.1:9/acme" } }, secrets: { githubToken: "t" } },
    deps: { aws: () => Promise.reject(new Error("asked")) },
  });
  expect(seen.all).toEqual([]);
});

describe("credentials", () => {
  const login = (code: string, said: string, env: NodeJS.ProcessEnv = {}) =>
    lookAtAws(before, { aws: { identity: () => refuse(code, said) }, env });

  it("that are missing are one blocker with the ways to get some; nothing else is looked at", async () => {
    const { all } = await login("CredentialsProviderError", "Could not load credentials from any providers");
    expect(all.map(({ id, level }) => `${id} ${level}`)).toEqual([
      "aws-login blocker",
      ...before.slice(1).map((id) => `${id} skipped`),
    ]);
    expect(all[0]!.found).toContain("no AWS credentials are found here");
    expect(all[0]!.cure).toMatch(/aws configure sso.*AWS_PROFILE.*AWS_ACCESS_KEY_ID/);
    expect(new Set(all.slice(1).map(({ found }) => found))).toEqual(
      new Set(["not looked at: AWS takes no credentials from here"]),
    );
  });

  it.each([
    ["ExpiredToken", "The security token included in the request is expired"],
    ["ExpiredTokenException", "expired"],
    ["CredentialsProviderError", "Token is expired. To refresh this SSO session run 'aws sso login'"],
  ])("whose session has expired are a blocker that names the login (%s)", async (code, said) => {
    const [first] = (await login(code, said, { AWS_PROFILE: "work" })).all;
    expect(first).toMatchObject({ id: "aws-login", level: "blocker" });
    expect(first!.found).toContain("has expired");
    expect(first!.cure).toContain("aws sso login --profile work");
  });

  it.each([
    ["InvalidClientTokenId", "AWS does not know this access key"],
    ["SignatureDoesNotMatch", "the secret does not belong to the access key, or this computer's clock"],
    ["SomethingNew", "AWS does not take these credentials: SomethingNew"],
    ["ENOTFOUND", "AWS does not answer"],
  ])("%s is a blocker of its own", async (code, found) => {
    const [first] = (await login(code, "x")).all;
    expect([first!.level, first!.found]).toEqual(["blocker", expect.stringContaining(found)]);
  });

  it("that nobody could judge since only a proxy leads out are a warning: Pulumi goes through it", async () => {
    const { all } = await login("ENOTFOUND", "x", { HTTPS_PROXY: "http://proxy.acme.example:3128" });
    expect(all[0]).toMatchObject({ level: "warning" });
    expect(all[0]!.found).toContain("without the proxy");
  });

  it("are looked at also when the settings are wrong", async () => {
    const { all } = await lookAtAws(["aws-login", "quotas"], { values: { pools: { arm64: { maxx: 1 } } } });
    expect(all.map(({ id, level }) => `${id} ${level}`)).toEqual(["aws-login ok", "quotas skipped"]);
  });
});

describe("regions", () => {
  const regions = (zones: () => Promise<string[]>, values = {}) =>
    lookAtAws(["aws-regions"], { aws: { zones }, values }).then(({ all }) => all);

  it.each(["AuthFailure", "OptInRequired"])(
    "one that is not enabled (%s) is a blocker with the command that enables it",
    async (code) => {
      const [one] = await regions(() => refuse(code, "not able to validate"));
      expect(one).toMatchObject({ level: "blocker" });
      expect(one!.cure).toContain("aws account enable-region --region-name eu-central-1");
    },
  );

  it("one that does not answer is a blocker", async () => {
    const [one] = await regions(() => refuse("ENOTFOUND", "getaddrinfo"));
    expect([one!.level, one!.found]).toEqual([
      "blocker",
      "eu-central-1 does not answer (ENOTFOUND: getaddrinfo)",
    ]);
  });

  it("a zone that the account does not have is a blocker that names those that it has", async () => {
    const [one] = await regions(() => Promise.resolve(["eu-central-1a", "eu-central-1c"]));
    expect(one).toMatchObject({ level: "blocker" });
    expect(one!.found).toBe(
      "eu-central-1 has no zone eu-central-1b for this account; it has eu-central-1a, eu-central-1c",
    );
    expect(one!.cure).toContain("muster:network.zones");
  });

  it("that may not be looked at are a warning with the rights", async () => {
    const [one] = await regions(() => refuse("UnauthorizedOperation"));
    expect(one).toMatchObject({
      level: "warning",
      cure: expect.stringContaining("docs/aws-rights.json") as string,
    });
  });
});

describe("the role of EC2 Spot", () => {
  it("is a warning where it is missing and a pool is spot: an up makes it, or the command", async () => {
    const { all } = await lookAtAws(["spot-role"], { aws: { roleArn: () => Promise.resolve(null) } });
    expect(all).toEqual([
      {
        id: "spot-role",
        level: "warning",
        found: "the account has no AWSServiceRoleForEC2Spot, without which no spot machine starts for arm64",
        cure: "the first up of spot machines makes it; where it was deleted since, aws iam create-service-linked-role --aws-service-name spot.amazonaws.com",
      },
    ]);
  });

  it("is not looked for where no pool is spot", async () => {
    const values = stackValues({ pools: gpuPool("on-demand") });
    const { all } = await lookAtAws(["spot-role"], { values, aws: { roleArn: () => refuse("asked") } });
    expect(all).toEqual([]);
  });

  it("that may not be seen is a warning", async () => {
    const { levels } = await lookAtAws(["spot-role"], { aws: { roleArn: () => refuse("AccessDenied") } });
    expect(levels).toEqual(["warning"]);
  });
});

describe("the way to the manager's page", () => {
  const session = async (...programs: string[]) => {
    const PATH = await temporary();
    for (const name of programs) await writeFile(join(PATH, name), "#!/bin/sh\n", { mode: 0o755 });
    return (await lookAtAws(["session-manager"], { env: { PATH } })).all[0]!;
  };

  it("needs the AWS CLI and its plugin: a warning that names what is missing and where it is to be had", async () => {
    expect(await session("aws", "session-manager-plugin")).toMatchObject({ level: "ok" });
    const one = await session("aws");
    expect(one).toMatchObject({ level: "warning" });
    expect(one.found).toMatch(/^session-manager-plugin not on PATH/);
    expect(one.cure).toContain("session-manager-working-with-install-plugin");
    expect((await session()).found).toMatch(/^aws and session-manager-plugin not on PATH/);
  });
});
