import { describe, expect, it } from "vitest";
import type { AwsPorts } from "../../../../../agent/cli/doctor/aws/ports.ts";
import type { HostStatus } from "../../../../../agent/manager-host.ts";
import { afterUp, exported, type Left, machine, status, wanted } from "./deployed.ts";
import { lookAtAws } from "./rig.ts";

const manager = (left: Left = {}, aws: Partial<AwsPorts> = {}) =>
  lookAtAws(["manager-machine"], { aws: { ...afterUp(left), ...aws }, pulumi: { exported } }).then(
    ({ all }) => all.map(({ level, found, cure }) => ({ level, found, cure })),
  );
const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString();

describe("the manager's machine", () => {
  it("that runs, is well and reports is in order", async () => {
    expect((await manager()).map(({ level, found }) => `${level} ${found}`)).toEqual([
      "ok i-1 runs, EC2's checks are passed",
      expect.stringMatching(/^ok the manager is well, it reported .* ago$/) as string,
    ]);
  });

  it("that is not in the account is a blocker that asks whether it is the right one", async () => {
    const [only] = await manager({ machines: [] });
    expect(only).toMatchObject({
      level: "blocker",
      found: "the account 111122223333 has no manager of muster/dev in eu-central-1",
    });
    expect(only!.cure).toContain("is it the account that up ran in?");
  });

  it("that is stopped is a blocker with the command that starts it, and its silence is no second one", async () => {
    const all = await manager({ machines: [{ ...machine, state: "stopped" }], status: null });
    expect(all).toEqual([
      {
        level: "blocker",
        found: "i-1 is stopped",
        cure: "aws ec2 start-instances --region eu-central-1 --instance-ids i-1",
      },
    ]);
  });

  it.each([
    [{ instance: "ok", system: "impaired" }, "blocker", "EC2's system status check fails"],
    [{ instance: "impaired", system: "ok" }, "blocker", "EC2's instance status check fails"],
    [{ instance: "initializing", system: "ok" }, "warning", "EC2's checks are not over (initializing)"],
  ])("whose checks say %o is a %s", async (checks, level, said) => {
    const [first] = await manager({}, { checksOf: () => Promise.resolve(checks) });
    expect([first!.level, first!.found]).toEqual([level, expect.stringContaining(said)]);
  });

  it("without the address that agents call is a blocker with both addresses", async () => {
    const [, address] = await manager({ machines: [{ ...machine, addresses: ["10.64.0.99"] }] });
    expect(address).toMatchObject({
      level: "blocker",
      found: "agents call 10.64.0.10, and i-1 has 10.64.0.99",
    });
  });

  it("without an instance profile is a blocker", async () => {
    const all = await manager({ machines: [{ ...machine, profile: null }] });
    expect(all[1]).toMatchObject({
      level: "blocker",
      found: expect.stringContaining("no instance profile") as string,
    });
  });

  it("of which there are two is a blocker that names both", async () => {
    const [only] = await manager({ machines: [machine, { ...machine, id: "i-2" }] });
    expect(only).toMatchObject({ level: "blocker", found: expect.stringContaining("i-1 and i-2") as string });
  });

  it.each<[string, HostStatus | null, string, string]>([
    ["has never reported", null, "blocker", "i-1 has never reported"],
    ["fell silent", status({ at: ago(600) }), "blocker", "i-1 last reported 1"],
    [
      "is not well",
      status({ healthy: false, problem: "disk full" }),
      "blocker",
      "the manager is not well: disk full",
    ],
    [
      "had a problem",
      status({ problem: "no word from GitHub" }),
      "warning",
      "what went wrong last: no word from GitHub",
    ],
    [
      "put a version back",
      status({ manager: "d".repeat(64), refused: { manager: wanted, reason: "it crashed" } }),
      "warning",
      "version aaaaaaaa, which up left, did not become healthy and was put back: it crashed",
    ],
    [
      "runs another version",
      status({ manager: "d".repeat(64) }),
      "warning",
      "runs version dddddddd, up left aaaaaaaa",
    ],
    [
      "drains",
      status({ drain: { id: "x", left: 2, done: false } }),
      "warning",
      "it drains and starts no machine, 2 machines are busy",
    ],
  ])("that %s is told", async (_name, said, level, found) => {
    const [, own, ...more] = await manager({ status: said });
    expect(more).toEqual([]);
    expect([own!.level, own!.found]).toEqual([level, expect.stringContaining(found)]);
  });
});

describe("the version at AWS", () => {
  const version = (digest: string) =>
    lookAtAws(["version"], { aws: afterUp(), pulumi: { exported }, digest }).then(({ text }) => text);

  it("that is this checkout's is in order, another one a warning that up cures", async () => {
    expect(await version(wanted)).toEqual(["ok version: aaaaaaaa, the one of this checkout"]);
    expect(await version("e".repeat(64))).toEqual([
      "warning version: up left version aaaaaaaa at AWS, this checkout has eeeeeeee -> npm run pulumi -- up -s dev",
    ]);
  });
});
