import { afterEach, describe, expect, test } from "vitest";
import { type Answer, ec2Error, entry, instance, makeRig, page, type Rig } from "./fake.ts";

const { signal } = new AbortController();
let rig: Rig;
afterEach(() => rig.close());
const start = (answer: Answer, entries = [entry()]) => {
  rig = makeRig(answer, entries);
  return rig.backend();
};

describe("a list", () => {
  test("asks every region of the settings by the stack's tag, and every page", async () => {
    const pages: Record<string, unknown> = {
      "eu-central-1 ": page([instance("i-00000001")], "next"),
      "eu-central-1 next": page([instance("i-00000002", "pending")]),
      "eu-west-1 ": page([instance("i-00000003")]),
    };
    const backend = start(
      ({ region, input }) => pages[`${region} ${(input["NextToken"] as string | undefined) ?? ""}`],
      [entry(), entry({ name: "west", region: "eu-west-1" })],
    );
    const listed = await backend.list(signal);
    expect(listed.map(({ id }) => id).sort()).toEqual(["i-00000001", "i-00000002", "i-00000003"]);
    expect(listed.find(({ id }) => id === "i-00000001")).toEqual({
      ...{ id: "i-00000001", pool: "a", launch: "l1", offer: "aws:a:spot-eu-central-1" },
      ...{ startedMs: 1_000, running: true },
    });
    for (const { input } of rig.of("DescribeInstances"))
      expect(input["Filters"]).toEqual([{ Name: "tag:muster:stack", Values: ["muster/test"] }]);
  });

  test("leaves out the manager itself and machines that always exist", async () => {
    const role = (value: string) => ({
      Tags: [
        { Key: "muster:stack", Value: "muster/test" },
        { Key: "muster:role", Value: value },
      ],
    });
    const backend = start(() =>
      page([
        instance("i-00000001", "running", role("manager")),
        instance("i-00000002", "running", role("fixed")),
      ]),
    );
    expect(await backend.list(signal)).toEqual([]);
  });

  test("rejects when a page or a region is missing", async () => {
    const backend = start(({ input }) =>
      input["NextToken"] === undefined
        ? page([instance("i-00000001")], "next")
        : Promise.reject(ec2Error("InternalError", "oops", 500)),
    );
    const error: unknown = await backend.list(signal).catch((reason: unknown) => reason);
    expect(backend.classify(error)).toMatchObject({
      reason: "unavailable",
      scope: { on: "backend", key: "aws:eu-central-1" },
      detail: expect.stringContaining("DescribeInstances in eu-central-1: InternalError: oops") as string,
    });
  });

  test.each([
    ["pending", true, undefined],
    ["running", true, undefined],
    ["stopping", false, false],
    ["stopped", false, false],
    ["shutting-down", false, false],
    ["terminated", false, true],
  ])("%s: running %s, gone %s", async (state, running, gone) => {
    const backend = start(() => page([instance("i-00000001", state)]));
    const [listed] = await backend.list(signal);
    expect([listed!.running, listed!.end?.gone]).toEqual([running, gone]);
  });

  test.each([
    ["Server.SpotInstanceTermination", true, /^interrupted: EC2 took the spot instance back/],
    ["Server.SpotInstanceShutdown", true, /^interrupted/],
    ["Server.ScheduledStop", true, /^interrupted/],
    ["Server.InsufficientInstanceCapacity", true, /^interrupted/],
    ["Server.InternalError", true, /^interrupted/],
    ["Client.InstanceInitiatedShutdown", false, /^it powered itself off/],
    ["Client.UserInitiatedShutdown", false, /^somebody ended it/],
    ["Client.VolumeLimitExceeded", false, /no more volumes/],
    ["Client.InternalError", false, /KMS key/],
    ["Client.Whatever", false, /^said$/],
  ])("an end by %s: taken away %s", async (Code, interrupted, why) => {
    const backend = start(() =>
      page([instance("i-00000001", "terminated", { StateReason: { Code, Message: "said" } })]),
    );
    const [listed] = await backend.list(signal);
    expect(listed!.end).toEqual({ why: expect.stringMatching(why) as string, interrupted, gone: true });
  });
});

describe("a region that left the settings", () => {
  const west = entry({ name: "west", region: "eu-west-1" });
  const regions = () => rig.of("DescribeInstances").map(({ region }) => region);

  test("is listed, also by a manager that began later, until nothing has been there for a while", async () => {
    let there: unknown[] = [instance("i-00000009")];
    const backend = start(({ region }) => page(region === "eu-west-1" ? there : []), [entry(), west]);
    await backend.list(signal);
    rig.set([entry()]);
    const later = rig.backend();
    expect((await later.list(signal)).map(({ id }) => id)).toEqual(["i-00000009"]);
    await rig.clock.advance(20 * 60_000);
    await later.list(signal);
    there = [instance("i-00000009", "terminated")];
    await later.list(signal);
    rig.calls.length = 0;
    await later.list(signal);
    expect(regions()).toEqual(["eu-central-1"]);
  });

  test("is asked while a launch may still land there", async () => {
    const backend = start(() => page([]), [entry(), west]);
    await backend.list(signal);
    rig.set([entry()]);
    await backend.list(signal);
    await backend.list(signal);
    expect(regions().filter((region) => region === "eu-west-1")).toHaveLength(3);
  });

  test("does not hold up the others where the role may not look there any more, and it is said once", async () => {
    const backend = start(
      ({ region }) =>
        region === "eu-west-1" && rig.calls.length > 2
          ? Promise.reject(ec2Error("UnauthorizedOperation", "no", 403))
          : page([instance(region === "eu-west-1" ? "i-00000009" : "i-00000001")]),
      [entry(), west],
    );
    await backend.list(signal);
    await expect(backend.list(signal)).rejects.toThrow("UnauthorizedOperation"); // still in the settings
    rig.set([entry()]);
    for (let n = 0; n < 2; n++)
      expect((await backend.list(signal)).map(({ id }) => id)).toEqual(["i-00000001"]);
    expect(rig.logged.filter((line) => line.includes("eu-west-1 left the settings"))).toHaveLength(1);
  });

  test("that is down is no reason to call its machines gone", async () => {
    const backend = start(
      ({ region }) =>
        region === "eu-west-1" && rig.calls.length > 2
          ? Promise.reject(ec2Error("Unavailable", "no", 503))
          : page([instance("i-00000009")]),
      [entry(), west],
    );
    await backend.list(signal);
    rig.set([entry()]);
    await expect(backend.list(signal)).rejects.toThrow("Unavailable");
  });
});
