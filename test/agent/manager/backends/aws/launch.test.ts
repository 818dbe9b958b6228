import { afterEach, describe, expect, test } from "vitest";
import { answered } from "../../../../../agent/manager/backends/aws/launch.ts";
import { defaultLimits } from "../../../../../agent/manager/limits.ts";
import type { LaunchRequest } from "../../../../../agent/manager/world.ts";
import { type Answer, ec2Error, entry, makeRig, type Rig, type } from "./fake.ts";

const { signal } = new AbortController();
const offer = "aws:a:spot-eu-central-1";
let rig: Rig;
afterEach(() => rig.close());

const start = (answer: Answer, entries = [entry()]) => {
  rig = makeRig(answer, entries);
  return rig.backend();
};
const requestOf = (count: number, over: Partial<LaunchRequest> = {}): LaunchRequest => ({
  ...{ pool: "a", offer, machines: Array.from({ length: count }, (_, n) => `a-l1-${n}`) },
  ...over,
});
const fleet = (...ids: string[]) => ({ Instances: [{ InstanceIds: ids }], Errors: [] });

describe("the call", () => {
  const launched = async (entries = [entry()], count = 2) => {
    const backend = start(() => fleet("i-00000001", "i-00000002"), entries);
    const request = requestOf(count, { offer: `aws:a:${entries[0]!.name}` });
    const prepared = backend.prepare!("l1", request)!;
    const answer = await backend.launch("l1", { ...request, prepared }, [], signal);
    return { answer, input: rig.of("CreateFleet")[0]!.input, prepared };
  };

  test("is an instant fleet of spot machines from the entry's template at its version, over types and zones", async () => {
    const { answer, input } = await launched();
    expect(answer).toEqual({ machines: ["i-00000001", "i-00000002"], failures: [] });
    expect(rig.calls.map(({ region, action }) => [region, action])).toEqual([
      ["eu-central-1", "CreateFleet"],
    ]);
    expect(input).toMatchObject({
      Type: "instant",
      TargetCapacitySpecification: { TotalTargetCapacity: 2, DefaultTargetCapacityType: "spot" },
      SpotOptions: { AllocationStrategy: "price-capacity-optimized" },
      LaunchTemplateConfigs: [
        {
          LaunchTemplateSpecification: { LaunchTemplateId: "lt-1", Version: "3" },
          Overrides: [
            { InstanceType: "c8g.2xlarge", SubnetId: "subnet-a" },
            { InstanceType: "c8g.2xlarge", SubnetId: "subnet-b" },
            { InstanceType: "c7g.2xlarge", SubnetId: "subnet-a" },
            { InstanceType: "c7g.2xlarge", SubnetId: "subnet-b" },
          ],
        },
      ],
    });
    expect(input).not.toHaveProperty("OnDemandOptions");
  });

  test("on demand goes by the order of the settings", async () => {
    const { input } = await launched([entry({ name: "od", market: "on-demand" })]);
    expect(input).toMatchObject({
      TargetCapacitySpecification: { DefaultTargetCapacityType: "on-demand" },
      OnDemandOptions: { AllocationStrategy: "prioritized" },
      LaunchTemplateConfigs: [
        { Overrides: [{ Priority: 0 }, { Priority: 0 }, { Priority: 1 }, { Priority: 1 }] },
      ],
    });
    expect(input).not.toHaveProperty("SpotOptions");
  });

  test("tags machine, volume and interface with owner, pool, offer, launch and deadline as they are made", async () => {
    const { input } = await launched();
    const specifications = input["TagSpecifications"] as {
      ResourceType: string;
      Tags: { Key: string; Value: string }[];
    }[];
    const tags = Object.fromEntries(
      specifications.map(({ ResourceType, Tags }) => [
        ResourceType,
        Object.fromEntries(Tags.map(({ Key, Value }) => [Key, Value])),
      ]),
    );
    const deadline = new Date(rig.clock.now() + defaultLimits.bootDeadlineMs).toISOString();
    const whole = {
      ...{ "muster:stack": "muster/test", "muster:pool": "a", "muster:launch": "l1" },
      ...{ "muster:offer": offer, "muster:deadline": deadline },
    };
    expect(tags).toMatchObject({ instance: whole, volume: whole, "network-interface": whole });
    expect(tags["fleet"]).toEqual({
      "muster:stack": "muster/test",
      "muster:pool": "a",
      "muster:launch": "l1",
    });
  });

  test("has one subnet a zone and at most 60 overrides", async () => {
    const subnets = [
      { id: "subnet-a", zone: "a" },
      { id: "subnet-a2", zone: "a" },
      { id: "subnet-b", zone: "b" },
    ];
    const types = Array.from({ length: 40 }, (_, n) => type(`c${n}.large`));
    const { input } = await launched([entry({ subnets, types })]);
    const [{ Overrides }] = input["LaunchTemplateConfigs"] as [{ Overrides: { SubnetId: string }[] }];
    expect(Overrides).toHaveLength(60);
    expect(new Set(Overrides.map(({ SubnetId }) => SubnetId))).toEqual(new Set(["subnet-a", "subnet-b"]));
  });

  test("is the same to the byte when it is repeated, by another manager and after the settings changed", async () => {
    const { input, prepared } = await launched();
    await rig.clock.until(
      () => false,
      60_000,
      () => {},
    );
    rig.set([entry({ template: { id: "lt-1", version: 4 }, types: [type("m8g.large")] })]);
    await rig.backend().launch("l1", requestOf(2, { prepared }), [], signal);
    const again = rig.of("CreateFleet")[1]!.input;
    expect(JSON.stringify(again)).toBe(JSON.stringify(input));
    expect(again["ClientToken"]).toMatch(/^[\x21-\x7e]{1,64}$/);
  });

  test("has a token of its own for each launch and stack", () => {
    const backend = start(() => fleet());
    const token = (launch: string) =>
      (JSON.parse(backend.prepare!(launch, requestOf(1))!) as { input: { ClientToken: string } }).input
        .ClientToken;
    expect(token("l1")).not.toBe(token("l2"));
    expect(token("l1")).toBe(token("l1"));
  });

  test("for an entry that the settings do not name is refused without a call", async () => {
    const backend = start(() => fleet());
    const request = requestOf(1, { offer: "aws:a:gone" });
    expect(backend.prepare!("l1", request)).toBeUndefined();
    const answer = await backend.launch("l1", request, [], signal);
    expect(answer).toMatchObject({ machines: [], failures: [{ reason: "bad-request" }] });
    expect(rig.calls).toEqual([]);
  });
});

describe("an answer in part", () => {
  const place = { region: "eu-central-1", market: "spot" as const, offer };
  const zones = { "subnet-a": "eu-central-1a", "subnet-b": "eu-central-1b" };
  const error = (ErrorCode: string, InstanceType = "c8g.2xlarge", SubnetId = "subnet-a") => ({
    ...{ ErrorCode, ErrorMessage: "said" },
    LaunchTemplateAndOverrides: { Overrides: { InstanceType: InstanceType as never, SubnetId } },
  });
  const of = (ids: string[], ...Errors: ReturnType<typeof error>[]) =>
    answered({ Instances: [{ InstanceIds: ids }], Errors }, 2, place, zones);
  const brief = ({ failures }: ReturnType<typeof of>) =>
    failures.map(({ reason, scope }) => `${reason} ${scope.on}:${scope.key}`);
  const inRig = () => void (rig = makeRig(() => ({})));

  test("keeps what came and closes the offer once, whichever pools were empty", () => {
    inRig();
    const answer = of(
      ["i-1"],
      error("InsufficientInstanceCapacity"),
      error("UnfulfillableCapacity", "c7g.2xlarge"),
    );
    expect(answer.machines).toEqual(["i-1"]);
    expect(brief(answer)).toEqual([`no-capacity offer:${offer}`]);
    expect(answer.failures[0]!.detail).toContain("c8g.2xlarge in eu-central-1a");
  });

  test("that is whole in spite of empty pools closes nothing", () => {
    inRig();
    expect(of(["i-1", "i-2"], error("InsufficientInstanceCapacity")).failures).toEqual([]);
  });

  test("with more machines than were asked for names them all", () => {
    inRig();
    expect(of(["i-1", "i-2", "i-3"])).toEqual({ machines: ["i-1", "i-2", "i-3"], failures: [] });
  });

  test("without a word of why is a shortage", () => {
    inRig();
    expect(brief(of([]))).toEqual([`no-capacity offer:${offer}`]);
  });

  test("for want of a quota closes that quota, and not the offer", () => {
    inRig();
    expect(brief(of([], error("VcpuLimitExceeded"), error("MaxSpotInstanceCountExceeded")))).toEqual([
      "quota quota:aws:eu-central-1:spot:standard",
    ]);
    expect(brief(of([], error("VcpuLimitExceeded", "g5g.xlarge")))).toEqual([
      "quota quota:aws:eu-central-1:spot:g",
    ]);
  });

  test("for want of addresses in all subnets says so, in one only it is a shortage of the rest", () => {
    inRig();
    const full = error("InsufficientFreeAddressesInSubnet");
    expect(brief(of([], full, full))).toEqual([`no-address offer:${offer}`]);
    expect(brief(of([], full, error("InsufficientInstanceCapacity")))).toEqual([
      `no-capacity offer:${offer}`,
    ]);
  });

  test("that was throttled in the middle closes the region's calls and no offer", () => {
    inRig();
    expect(brief(of(["i-1"], error("RequestLimitExceeded")))).toEqual(["throttled backend:aws:eu-central-1"]);
  });

  test("for want of the Spot role closes the market everywhere", () => {
    inRig();
    expect(brief(of([], error("AuthFailure.ServiceLinkedRoleCreationNotPermitted")))).toEqual([
      "denied backend:aws:spot",
    ]);
  });

  test("closes something that the offer hangs on, whatever the codes", () => {
    const backend = start(() => ({}));
    const [made] = backend.offers("a", entry());
    const closing = new Set([
      `offer:${made!.key}`,
      "backend:aws",
      ...made!.scopes.map(({ on, key }) => `${on}:${key}`),
    ]);
    for (const code of [
      "VcpuLimitExceeded",
      "Unsupported",
      "AuthFailure",
      "Weird",
      "RequestLimitExceeded",
      "InternalError",
    ])
      expect(
        of([], error(code)).failures.some(({ scope }) => closing.has(`${scope.on}:${scope.key}`)),
        code,
      ).toBe(true);
  });
});

describe("a call that fails", () => {
  const launch = async (answer: Answer) => {
    const backend = start(answer);
    const request = requestOf(2);
    return backend.launch("l1", { ...request, prepared: backend.prepare!("l1", request)! }, [], signal);
  };

  test.each(["RequestLimitExceeded", "UnauthorizedOperation", "InvalidParameterValue", "VcpuLimitExceeded"])(
    "%s: EC2 said no, so nothing is in doubt",
    async (code) => {
      const { machines, failures } = await launch(() => Promise.reject(ec2Error(code)));
      expect(machines).toEqual([]);
      expect(failures).toHaveLength(1);
    },
  );

  test("a call too many comes back with 503 and was not done either", async () => {
    const error = ec2Error("RequestLimitExceeded", "Request limit exceeded.", 503);
    const { machines, failures } = await launch(() => Promise.reject(error));
    expect(machines).toEqual([]);
    expect(failures).toMatchObject([{ reason: "throttled", scope: { on: "backend" } }]);
  });

  test.each([
    ["an error of EC2's own", ec2Error("InternalError", "oops", 500)],
    ["a broken connection", Object.assign(new Error("reset"), { code: "ECONNRESET" })],
    ["a token that EC2 knows otherwise", ec2Error("IdempotentParameterMismatch")],
  ])("%s: nobody knows what came of it", async (_what, error) => {
    await expect(launch(() => Promise.reject(error))).rejects.toThrow("CreateFleet in eu-central-1");
    expect(rig.calls).toHaveLength(1); // repeated by the core alone
  });

  test("without credentials nothing was sent", async () => {
    const error = Object.assign(new Error("none"), { name: "CredentialsProviderError" });
    const { failures } = await launch(() => Promise.reject(error));
    expect(failures).toMatchObject([{ reason: "denied", scope: { on: "backend", key: "aws" } }]);
  });

  test("that nobody answers is given up in time, and is in doubt", async () => {
    const backend = start(
      (_call, heeded) =>
        new Promise((_, reject) => heeded.addEventListener("abort", () => reject(heeded.reason as Error))),
    );
    const request = requestOf(1);
    const launching = backend.launch(
      "l1",
      { ...request, prepared: backend.prepare!("l1", request)! },
      [],
      signal,
    );
    let failed: unknown = null;
    launching.catch((error: unknown) => (failed = error));
    expect(
      await rig.clock.until(
        () => failed !== null,
        60_000,
        () => {},
      ),
    ).toBe(true);
    expect(backend.classify(failed, offer)).toMatchObject({
      reason: "unavailable",
      scope: { key: "aws:eu-central-1" },
    });
  });
});
