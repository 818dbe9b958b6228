import { describe, expect, it } from "vitest";
import type { AwsPorts } from "../../../../../agent/cli/doctor/aws/ports.ts";
import { afterUp, backend, exported } from "./deployed.ts";
import { lookAtAws, refuse } from "./rig.ts";

const templates = (aws: Partial<AwsPorts> = {}, backends = { arm64: [backend()] }) =>
  lookAtAws(["templates"], { aws: { ...afterUp({ backends }), ...aws }, pulumi: { exported } });
const one = async (aws: Partial<AwsPorts>) => {
  const { all } = await templates(aws);
  expect(all).toHaveLength(1);
  return all[0]!;
};
/** Launches that are refused: by type or subnet. */
const refusing =
  (what: (type: string, subnet: string) => boolean, code: string, said = "no"): AwsPorts["tryLaunch"] =>
  (_region, { type, subnet }) =>
    what(type, subnet) ? refuse(code, said) : Promise.resolve();

describe("launch templates", () => {
  it("are tried with each type and in each subnet, at the version that the manager launches", async () => {
    const { all, asked } = await templates();
    expect(all).toEqual([
      {
        id: "templates",
        level: "ok",
        found:
          "pool arm64 (spot-eu-central-1): template lt-1 version 3, image ami-1: EC2 would launch c8g.xlarge, c7g.2xlarge in eu-central-1a, eu-central-1b (a dry run, by these credentials)",
        cure: "",
      },
    ]);
    expect(asked.launches.map(({ type, subnet, version }) => `${type} ${subnet} ${version}`)).toEqual([
      "c8g.xlarge subnet-1 3",
      "c8g.xlarge subnet-2 3",
      "c7g.2xlarge subnet-1 3",
    ]);
  });

  it("before the first up are not looked at, and the line says why", async () => {
    const { all } = await lookAtAws(["templates", "manager-rights", "manager-machine"]);
    expect(new Set(all.map(({ level, found }) => `${level}: ${found}`))).toEqual(
      new Set(["skipped: not looked at: up has not made a manager at AWS"]),
    );
  });

  it.each(["InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.VersionNotFound"])(
    "that are gone (%s) are a blocker with refresh and up as the cure",
    async (code) => {
      const found = await one({ templateImage: () => refuse(code, "does not exist") });
      expect(found).toMatchObject({
        level: "blocker",
        found: `pool arm64 (spot-eu-central-1): template lt-1 version 3: ${code}: does not exist`,
        cure: "npm run pulumi -- refresh -s dev, then npm run pulumi -- up -s dev",
      });
    },
  );

  it.each([
    [null, "does not exist, or not for this account"],
    ["deregistered", "is deregistered"],
  ])("whose image is gone (%s) are a blocker", async (state, said) => {
    const found = await one({ imageState: () => Promise.resolve(state) });
    expect([found.level, found.found]).toEqual([
      "blocker",
      expect.stringContaining(`the image ami-1 ${said}`),
    ]);
  });

  it("whose image EC2 resolves only at a launch are tried all the same", async () => {
    const found = await one({
      templateImage: () => Promise.resolve("resolve:ssm:/aws/service/x"),
      imageState: () => refuse("asked"),
      tryLaunch: () => refuse("SsmInvalidParameter", "The parameter /aws/service/x does not exist"),
    });
    expect(found).toMatchObject({ level: "blocker" });
    expect(found.found).toContain("SsmInvalidParameter: The parameter");
  });

  it("that EC2 would launch nowhere are a blocker, somewhere else a warning", async () => {
    const nowhere = await one({
      tryLaunch: () => refuse("Unsupported", "not supported in your requested zone"),
    });
    expect([nowhere.level, nowhere.found]).toEqual([
      "blocker",
      expect.stringContaining(
        "would not launch c8g.xlarge in eu-central-1a: Unsupported: not supported in your requested zone; and 2 more of 3 tries",
      ),
    ]);
    const somewhere = await one({
      tryLaunch: refusing((_, subnet) => subnet === "subnet-2", "InvalidSubnetID.NotFound"),
    });
    expect([somewhere.level, somewhere.found]).toEqual([
      "warning",
      expect.stringContaining("in eu-central-1b: InvalidSubnetID.NotFound"),
    ]);
  });

  it("that these credentials may not launch are a warning with the action, tried once: it says nothing of the manager", async () => {
    let tried = 0;
    const found = await one({
      tryLaunch: () => {
        tried += 1;
        return refuse(
          "UnauthorizedOperation",
          "You are not authorized to perform this operation. User: arn:aws:iam::1:user/a is not authorized to perform: ec2:RunInstances on resource: x. Encoded authorization failure message: abc",
        );
      },
    });
    expect(found).toMatchObject({ level: "warning" });
    expect(found.found).toMatch(
      /cannot be tried by these credentials: UnauthorizedOperation: ec2:RunInstances is denied.*another line/,
    );
    expect(found.found).not.toContain("abc");
    expect(tried).toBe(1);
  });

  it.each(["RequestLimitExceeded", "NoAnswer", "InternalError"])(
    "%s is the moment's, not the template's: a warning",
    async (code) => {
      expect((await one({ tryLaunch: () => refuse(code) })).level).toBe("warning");
    },
  );

  it("of fixed machines are the program's and not tried", async () => {
    const { all, asked } = await templates({}, { arm64: [backend({ fixed: ["i-9"] })] });
    expect([all, asked.launches]).toEqual([[], []]);
  });
});
