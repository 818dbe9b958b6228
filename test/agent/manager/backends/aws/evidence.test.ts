import { afterEach, describe, expect, test } from "vitest";
import { type Answer, ec2Error, entry, instance, makeRig, page, type Rig } from "./fake.ts";

const { signal } = new AbortController();
let rig: Rig;
afterEach(() => rig.close());
const id = "i-00000001";
const listed = async (answer: Answer, entries = [entry()]) => {
  rig = makeRig(
    (call, heeded) =>
      call.action === "DescribeInstances"
        ? page(call.region === "eu-central-1" ? [instance(id)] : [])
        : answer(call, heeded),
    entries,
  );
  const backend = rig.backend();
  await backend.list(signal);
  return backend;
};
const base64 = (text: string) => ({ Output: Buffer.from(text).toString("base64") });
const asked = () => rig.of("GetConsoleOutput").map(({ region, input }) => [region, input]);

describe("the console of a machine", () => {
  test("is asked for where the machine is, as it is now", async () => {
    const west = entry({ name: "west", region: "eu-west-1" });
    const backend = await listed(() => base64("muster: failed in phase downloads\n"), [entry(), west]);
    expect(await backend.evidence!(id, signal)).toBe("muster: failed in phase downloads\n");
    expect(asked()).toEqual([["eu-central-1", { InstanceId: id, Latest: true }]]);
  });

  test.each(["UnsupportedOperation", "InvalidParameterValue"])(
    "of a type that cannot tell the newest (%s) is what EC2 took down before",
    async (code) => {
      const backend = await listed(({ input }) =>
        input["Latest"] === true ? Promise.reject(ec2Error(code)) : base64("older"),
      );
      expect(await backend.evidence!(id, signal)).toBe("older");
      expect(asked().map(([, input]) => input)).toEqual([
        { InstanceId: id, Latest: true },
        { InstanceId: id },
      ]);
    },
  );

  test("is no more than its last 8 KB", async () => {
    const backend = await listed(() => base64(`${"x".repeat(70_000)}the end`));
    const text = await backend.evidence!(id, signal);
    expect(Buffer.byteLength(text)).toBe(8 * 1024);
    expect(text.endsWith("the end")).toBe(true);
  });

  test("is empty where EC2 has none, and of a machine that no list has shown", async () => {
    const backend = await listed(() => ({}));
    expect(await backend.evidence!(id, signal)).toBe("");
    expect(await backend.evidence!("i-00000002", signal)).toBe("");
    expect(asked()).toHaveLength(1);
  });

  test("that is denied is an error, and not asked for again", async () => {
    const backend = await listed(() => Promise.reject(ec2Error("UnauthorizedOperation", "no", 403)));
    await expect(backend.evidence!(id, signal)).rejects.toThrow("GetConsoleOutput in eu-central-1");
    expect(asked()).toHaveLength(1);
  });
});
