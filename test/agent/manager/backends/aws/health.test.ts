import { afterEach, describe, expect, test } from "vitest";
import { type Answer, ec2Error, instance, makeRig, page, type Rig } from "./fake.ts";

const { signal } = new AbortController();
let rig: Rig;
afterEach(() => rig.close());
const start = (statuses: Answer, there: unknown[] = [instance("i-00000001"), instance("i-00000002")]) => {
  rig = makeRig((call, heeded) =>
    call.action === "DescribeInstanceStatus" ? statuses(call, heeded) : page(there),
  );
  return rig.backend();
};
const asked = () => rig.of("DescribeInstanceStatus");
/** Lists as the manager does, every 15 s. */
const listFor = async (backend: ReturnType<typeof start>, seconds: number) => {
  let listed = await backend.list(signal);
  for (let at = 0; at < seconds; at += 15) {
    await rig.clock.advance(15_000);
    listed = await backend.list(signal);
  }
  return listed;
};

describe("a host that EC2 calls impaired", () => {
  const broken = () => ({
    InstanceStatuses: [{ InstanceId: "i-00000001" }, { InstanceId: "i-0someoneelse" }],
  });

  test("is believed to be after two minutes: its machine is taken away, the others go on", async () => {
    const backend = start(broken);
    // Asked after a minute, again after two and three.
    expect((await listFor(backend, 165)).map(({ running }) => running)).toEqual([true, true]);
    const [first, second] = await listFor(backend, 15);
    expect(first).toMatchObject({ running: false, end: { interrupted: true, gone: false } });
    expect(first!.end!.why).toMatch(/^interrupted: EC2 calls its host impaired/);
    expect(second).toMatchObject({ running: true });
  });

  test("is asked for once a minute, by a filter", async () => {
    await listFor(start(broken), 180);
    expect(asked().map(({ input }) => input)).toEqual(
      Array.from({ length: 3 }, () => ({
        Filters: [{ Name: "system-status.status", Values: ["impaired"] }],
      })),
    );
  });

  test("that recovers in between is whole again", async () => {
    let calls = 0;
    const backend = start(() => (++calls === 2 ? {} : broken()));
    expect((await listFor(backend, 225)).map(({ running }) => running)).toEqual([true, true]);
  });

  test("is nobody's question without machines", async () => {
    await listFor(start(broken, [instance("i-00000001", "terminated")]), 180);
    expect(asked()).toEqual([]);
  });

  test("that cannot be asked for leaves the list whole, and it is said once", async () => {
    const backend = start(() => Promise.reject(ec2Error("UnauthorizedOperation", "no", 403)));
    expect((await listFor(backend, 180)).map(({ running }) => running)).toEqual([true, true]);
    expect(rig.logged.filter((line) => line.includes("health of hosts"))).toHaveLength(1);
  });
});
