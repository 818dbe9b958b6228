import { afterEach, describe, expect, test } from "vitest";
import { type Answer, ec2Error, entry, instance, makeRig, page, type Rig } from "./fake.ts";

const { signal } = new AbortController();
let rig: Rig;
afterEach(() => rig.close());
const start = (answer: Answer, entries = [entry()]) => {
  rig = makeRig(answer, entries);
  return rig.backend();
};
const id = (n: number) => `i-0000000${n}`;
const idsOf = (input: Record<string, unknown>) => {
  const filters = input["Filters"] as { Name: string; Values: string[] }[];
  return filters.find(({ Name }) => Name === "instance-id")?.Values;
};
/** A region in which these exist. */
const exist =
  (there: readonly string[], terminate: Answer = () => ({})): Answer =>
  (call, heeded) =>
    call.action === "DescribeInstances"
      ? page(
          (idsOf(call.input) ?? there).filter((each) => there.includes(each)).map((each) => instance(each)),
        )
      : terminate(call, heeded);
const ended = () => rig.of("TerminateInstances").map(({ input }) => input["InstanceIds"]);

describe("an end", () => {
  test("is asked for many at once, after a look at whose they are", async () => {
    const backend = start(exist([id(1), id(2), id(3)]));
    await backend.destroy([id(1), id(2)], signal);
    expect(rig.calls.map(({ action }) => action)).toEqual(["DescribeInstances", "TerminateInstances"]);
    expect(rig.calls[0]!.input["Filters"]).toEqual([
      { Name: "instance-id", Values: [id(1), id(2)] },
      { Name: "tag:muster:stack", Values: ["muster/test"] },
    ]);
    expect(ended()).toEqual([[id(1), id(2)]]);
  });

  test("succeeds on what is gone, and calls nothing for it", async () => {
    const backend = start(exist([]));
    await backend.destroy([id(1)], signal);
    expect(ended()).toEqual([]);
  });

  test("that EC2 has begun is not asked for again", async () => {
    const backend = start(({ action }) =>
      action === "DescribeInstances"
        ? page([instance(id(1), "shutting-down"), instance(id(2), "stopping"), instance(id(3), "terminated")])
        : {},
    );
    await backend.destroy([id(1), id(2), id(3)], signal);
    expect(ended()).toEqual([[id(2)]]);
  });

  test("touches no machine of another stack, none that always exists, and not the manager", async () => {
    const role = (value: string) => ({
      Tags: [
        { Key: "muster:stack", Value: "muster/test" },
        { Key: "muster:role", Value: value },
      ],
    });
    const backend = start(({ action }) =>
      action === "DescribeInstances"
        ? page([instance(id(2), "running", role("fixed")), instance(id(3), "running", role("manager"))])
        : {},
    );
    await backend.destroy([id(1), id(2), id(3)], signal);
    expect(ended()).toEqual([]);
  });

  test("of places that no machine took asks nobody", async () => {
    const backend = start(exist([]));
    await backend.destroy(["arm64-abc-0", "i-am-no-id"], signal);
    expect(rig.calls).toEqual([]);
  });

  test("does not fail for one that vanished in between: the others are ended", async () => {
    const all = [1, 2, 3, 4, 5].map(id);
    const backend = start(
      exist(all, ({ input }) =>
        (input["InstanceIds"] as string[]).includes(id(4))
          ? Promise.reject(ec2Error("InvalidInstanceID.NotFound"))
          : {},
      ),
    );
    await backend.destroy(all, signal);
    expect(ended()).toEqual([all, all.slice(0, 3), [id(4), id(5)], [id(4)], [id(5)]]);
  });

  test("goes to the region in which the last list saw the machine", async () => {
    const west = entry({ name: "west", region: "eu-west-1" });
    const backend = start(
      (call) =>
        call.action === "DescribeInstances"
          ? page([instance(call.region === "eu-west-1" ? id(9) : id(1))])
          : {},
      [entry(), west],
    );
    await backend.list(signal);
    rig.calls.length = 0;
    await backend.destroy([id(9)], signal);
    expect(rig.calls.map(({ region }) => region)).toEqual(["eu-west-1", "eu-west-1"]);
  });

  test("that one region refuses is carried out in the others, and fails", async () => {
    const west = entry({ name: "west", region: "eu-west-1" });
    const backend = start(
      ({ region, action }) =>
        region === "eu-west-1"
          ? Promise.reject(ec2Error("Unavailable", "no", 503))
          : action === "DescribeInstances"
            ? page([instance(id(1))])
            : {},
      [entry(), west],
    );
    const error: unknown = await backend.destroy([id(1)], signal).catch((reason: unknown) => reason);
    expect(backend.classify(error)).toMatchObject({ reason: "unavailable", scope: { key: "aws:eu-west-1" } });
    expect(ended()).toEqual([[id(1)]]);
  });
});
