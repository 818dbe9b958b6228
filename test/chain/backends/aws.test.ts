/** The EC2 backend over the wire: the SDK's calls, tags, filters and pages, before the stand-in of AWS. */
import { StopInstancesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { AwsBackend } from "../../../agent/manager-config.ts";
import { backendContract, makeBench } from "../../agent/manager/backends/contract.ts";
import { makeEntry, withAws } from "../with-aws.ts";
import { type AwsBackendRig, fixedOf, instances, makeAwsRig, region, runTagged, tagged } from "./aws-rig.ts";

const aws = withAws();
const makeRig = async () => {
  await aws().reset();
  return makeAwsRig(aws());
};

backendContract("aws", makeRig, { remote: true });

describe("the EC2 backend", () => {
  let rig: AwsBackendRig;
  beforeEach(async () => {
    rig = await makeRig();
  });
  afterEach(() => rig.close());
  const launch = async (count: number) => {
    const bench = makeBench(rig);
    return bench.launch("l1", bench.request("l1", count));
  };
  const listed = async () =>
    new Map((await rig.another().list(new AbortController().signal)).map((each) => [each.id, each]));

  test("a launch makes spot machines with their tags on everything", async () => {
    const { machines } = await launch(2);
    const made = await instances();
    expect(made.map(({ InstanceId }) => InstanceId).sort()).toEqual([...machines].sort());
    for (const { InstanceLifecycle, Tags, LaunchTime } of made) {
      expect(InstanceLifecycle).toBe("spot");
      expect(Tags).toEqual(
        expect.arrayContaining(
          tagged({ "muster:stack": "muster/test", "muster:pool": "pool-a", "muster:launch": "l1" }),
        ),
      );
      expect(Math.abs(LaunchTime!.getTime() - Date.now())).toBeLessThan(60_000);
    }
  });

  test("on demand the types go in the order of the settings, and a full quota names its family", async () => {
    rig.set({ ...(rig.entry as AwsBackend), market: "on-demand" });
    aws().capacity({ type: "c7g.2xlarge" }, 1, "VcpuLimitExceeded");
    aws().capacity({ type: "m7g.2xlarge" }, 1, "VcpuLimitExceeded");
    const { machines, failures } = await launch(3);
    expect((await instances()).map(({ InstanceType }) => InstanceType)).toEqual([
      "c7g.2xlarge",
      "m7g.2xlarge",
    ]);
    expect(machines).toHaveLength(2);
    expect(failures).toMatchObject([
      { reason: "quota", scope: { on: "quota", key: `aws:${region}:on-demand:standard` } },
    ]);
  });

  test("what somebody stopped is listed as stopped, what was ended is gone, by nobody's interruption", async () => {
    const { machines } = await launch(2);
    const [stopped, ended] = machines;
    await new EC2Client({ region }).send(new StopInstancesCommand({ InstanceIds: [stopped!] }));
    await rig.backend.destroy([ended!, "i-0123456789abcdef0", "pool-a-l1-9"], new AbortController().signal);
    const list = await listed();
    expect(list.get(stopped!)).toMatchObject({ running: false, end: { gone: false } });
    expect(list.get(ended!)).toMatchObject({ running: false, end: { gone: true, interrupted: false } });
  });

  test("a machine that always exists and that no setting names is not listed, and stopped instead of ended", async () => {
    const [fixed] = await runTagged([fixedOf]);
    expect(await listed()).toEqual(new Map());
    await rig.backend.destroy([fixed!], new AbortController().signal);
    expect((await instances()).map(({ State }) => State!.Name)).toEqual(["stopped"]);
  });

  test("a machine that powered itself off and one that EC2 took back are told apart", async () => {
    const { machines } = await launch(2);
    const [off, taken] = machines;
    await aws().powerOff(off!);
    await aws().interruptSpot(taken!);
    const list = await listed();
    expect(list.get(off!)).toMatchObject({ end: { gone: true, interrupted: false } });
    expect(list.get(off!)!.end!.why).toContain("powered itself off");
    expect(list.get(taken!)).toMatchObject({ end: { gone: true, interrupted: true } });
    expect(list.get(taken!)!.end!.why).toContain("took the spot instance back");
  });

  test.each([
    ["a template that is not there", { id: "lt-0123456789abcdef0", version: 1 }, "InvalidLaunchTemplateId"],
    ["a version that is not there", { version: 7 }, "version"],
  ])("%s is refused in words, and nothing is in doubt", async (_what, template, said) => {
    const entry = rig.entry as AwsBackend;
    rig.set({ ...entry, template: { ...entry.template, ...template } });
    const { machines, failures } = await launch(1);
    expect(machines).toEqual([]);
    expect(failures).toMatchObject([{ reason: "bad-request", scope: { on: "offer" } }]);
    expect(failures[0]!.detail).toContain(said);
  });

  test("an image whose parameter is gone is refused in words that name it", async () => {
    const template = { ImageId: "resolve:ssm:/images/runner" };
    rig.set({ ...(rig.entry as AwsBackend), template: (await makeEntry(region, { template })).template });
    const { failures } = await launch(1);
    expect(failures).toMatchObject([{ reason: "bad-request", scope: { on: "offer" } }]);
    expect(failures[0]!.detail).toContain("/images/runner");
  });

  test("a right that is missing is named, whether the call needs it or what the fleet does", async () => {
    aws().deny("RunInstances");
    const inside = await launch(1);
    expect(inside.failures).toMatchObject([
      { reason: "denied", scope: { on: "backend", key: `aws:${region}` } },
    ]);
    expect(inside.failures[0]!.detail).toContain("ec2:RunInstances is denied");
    aws().deny("CreateTags");
    const bench = makeBench(rig);
    const whole = await bench.launch("l2", bench.request("l2", 1));
    expect(whole.failures).toMatchObject([{ reason: "denied" }]);
    expect(whole.failures[0]!.detail).toContain("ec2:CreateTags is denied");
    expect(await instances()).toEqual([]);
  });

  test("an endpoint at which nobody listens is unavailable", async () => {
    vi.stubEnv("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    try {
      const own = rig.another();
      const error: unknown = await own.list(new AbortController().signal).catch((reason: unknown) => reason);
      expect(own.classify(error)).toMatchObject({
        ...{ reason: "unavailable", scope: { on: "backend", key: "aws:eu-central-1" } },
      });
    } finally {
      vi.stubEnv("AWS_ENDPOINT_URL", aws().url);
    }
  });
});
