// Goal: a shortage, a lost answer, a manager that dies in the middle of a call and too many calls cost no job its machine and
// make no machine twice. Method: the real manager as a process, GitHub's simulator, AWS's stand-in; what EC2 has is asked of it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DescribeInstancesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AwsBackend } from "../../agent/manager-config.ts";
import { startAwsChain } from "./aws-chain.ts";
import type { Chain } from "./chain.ts";
import { job } from "./promises.ts";
import { makeEntry, withAws } from "./with-aws.ts";

const aws = withAws();
const region = "eu-central-1";
const labels = ["self-hosted", "linux", "cloud"];
const limitMs = 120_000;
let directory: string;
let chain: Chain;
let spot: AwsBackend;

const start = async (backends: readonly AwsBackend[]) => {
  const pools = { cloud: { labels, max: 10, backends: [...backends] } };
  ({ chain } = await startAwsChain(aws(), { directory, pools }));
  await chain.github.control.wait({ what: "polling", count: 1 }, limitMs);
};
beforeEach(async () => {
  await aws().reset();
  directory = mkdtempSync(join(tmpdir(), "muster-at-aws-"));
  spot = await makeEntry(region);
});
afterEach(async () => {
  await chain.stop();
  rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

const queue = (count: number) =>
  chain.github.control.dispatchJobs(Array.from({ length: count }, (_, n) => job(`job-${n}`, labels)));
const booting = (count: number) =>
  chain.until(
    `${count} machines boot`,
    ({ machines }) => machines.length === count && machines.every(({ stage }) => stage === "starting"),
    limitMs,
  );
const alive = async () => {
  const { Reservations = [] } = await new EC2Client({ region }).send(new DescribeInstancesCommand({}));
  const all = Reservations.flatMap(({ Instances = [] }) => Instances);
  return all.filter(({ State }) => State?.Name === "running").map(({ InstanceId }) => InstanceId!);
};
/** What the fleet calls said under a name, in their order. */
const said = (parameter: string) =>
  aws()
    .requests("CreateFleet")
    .map(({ form }) => form.find(([name]) => name === parameter)?.[1]);

test("what spot has not is launched on demand, and the reason is there to read", async () => {
  const onDemand = { ...spot, name: `on-demand-${region}`, market: "on-demand" as const };
  aws().capacity({ market: "spot" }, 2);
  await start([spot, onDemand]);
  await queue(5);
  const { machines } = await booting(5);
  const from = (market: string) =>
    machines.filter(({ offer }) => offer === `aws:cloud:${market}-${region}`).length;
  expect([from("spot"), from("on-demand")]).toEqual([2, 3]);
  expect(machines.map(({ id }) => id).sort()).toEqual((await alive()).sort());
  expect(said("TargetCapacitySpecification.TotalTargetCapacity")).toEqual(["5", "3"]);
  expect(said("TargetCapacitySpecification.DefaultTargetCapacityType")).toEqual(["spot", "on-demand"]);

  // Now nobody has any: the next job is told why it waits.
  aws().capacity({ market: "on-demand" }, 0, "VcpuLimitExceeded");
  await queue(1);
  await chain.until(
    "the job is told why it waits",
    ({ pools }) => {
      const { reasons } = pools[0]!;
      return reasons.some(({ reason, detail }) => reason === "quota" && detail.includes("VcpuLimitExceeded"));
    },
    limitMs,
  );
  expect(await alive()).toHaveLength(5);
}, 300_000);

test("an answer that is lost, of machines that lists do not show yet, makes none twice: the call is repeated word for word", async () => {
  aws().loseAnswers("CreateFleet");
  aws().lagLists(Infinity);
  await start([spot]);
  await queue(3);
  const { machines } = await booting(3);
  const [first, ...again] = aws().requests("CreateFleet");
  expect(again.length).toBeGreaterThan(0);
  for (const { form } of again) expect(form).toEqual(first!.form);
  aws().show();
  expect(machines.map(({ id }) => id).sort()).toEqual((await alive()).sort());
}, 300_000);

test("a manager that dies while its call is out finds the machines of that call, and makes no others", async () => {
  await start([spot]);
  const hold = aws().hold("CreateFleet");
  await queue(3);
  await expect.poll(() => hold.held(), { timeout: limitMs }).toBe(1);
  await chain.killManager();
  // It lands when nobody listens any more.
  hold.release();
  await expect.poll(async () => (await alive()).length, { timeout: limitMs }).toBe(3);
  await chain.startManager();
  const { machines } = await booting(3);
  expect(machines.map(({ id }) => id).sort()).toEqual((await alive()).sort());
  expect(new Set(said("ClientToken")).size).toBe(1);
}, 300_000);

test("too many calls close the region for a moment, and the job has its machine when they may go on", async () => {
  aws().throttle("CreateFleet", { tokens: 0 });
  await start([spot]);
  await queue(1);
  await chain.until(
    "the job is told why it waits",
    ({ pools }) => pools[0]!.reasons.some(({ reason }) => reason === "throttled"),
    limitMs,
  );
  expect(await alive()).toEqual([]);
  aws().throttle("CreateFleet", { tokens: 10 });
  await booting(1);
  expect(await alive()).toHaveLength(1);
}, 300_000);
