/** The manager's machine: EC2's word for it, and its own, which it leaves in its bucket once a minute. */
import { isIPv4 } from "node:net";
import { limits } from "../../../leaving/limits.ts";
import { ageMs, readStatus } from "../../../leaving/status.ts";
import type { HostStatus } from "../../../manager-host.ts";
import { duration } from "../../table.ts";
import { blocker, type Finding, ok, warning } from "../finding.ts";
import { atAws, type Deployed } from "./facts.ts";
import type { AwsPorts, ManagerMachine } from "./ports.ts";

const id = "manager-machine";

const consoleOf = (region: string, machine: string) =>
  `aws ec2 get-console-output --region ${region} --instance-id ${machine} --latest --output text, or a shell: aws ssm start-session --region ${region} --target ${machine}`;

const checksFindings = async (
  { id: machine, state }: ManagerMachine,
  home: string,
  ports: AwsPorts,
): Promise<Finding[]> => {
  if (state !== "running")
    return [
      blocker(
        id,
        `${machine} is ${state}`,
        state === "pending"
          ? "wait a minute"
          : `aws ec2 start-instances --region ${home} --instance-ids ${machine}`,
      ),
    ];
  const checks = await ports.checksOf(home, machine);
  const bad = Object.entries(checks ?? {}).filter(([, said]) => said === "impaired");
  if (bad.length > 0)
    return [
      blocker(
        id,
        `${machine}: EC2's ${bad.map(([name]) => name).join(" and ")} status check fails`,
        `aws ec2 stop-instances --region ${home} --instance-ids ${machine}, then start-instances: it comes up on another host, with its journal`,
      ),
    ];
  const early = Object.entries(checks ?? {}).filter(([, said]) => said !== "ok");
  return early.length === 0
    ? [ok(id, `${machine} runs, EC2's checks are passed`)]
    : [
        warning(
          id,
          `${machine} runs; EC2's checks are not over (${early.map(([, said]) => said)[0]})`,
          "wait a minute",
        ),
      ];
};

/** Agents, certificate and user data hold the address: on another one nobody finds the manager. */
const addressFindings = (
  { id: machine, addresses }: ManagerMachine,
  { config }: Deployed,
  stack: string,
): Finding[] => {
  const wanted = config.manager.agents?.addresses ?? [];
  const lost = wanted.filter((address) => isIPv4(address) && !addresses.includes(address));
  return lost.length === 0
    ? []
    : [
        blocker(
          id,
          `agents call ${lost.join(", ")}, and ${machine} has ${addresses.join(", ") || "no interface"}`,
          `npm run pulumi -- refresh -s ${stack}, then npm run pulumi -- up -s ${stack}`,
        ),
      ];
};

/** What it says of itself. */
export const statusFindings = (
  status: HostStatus | null,
  nowMs: number,
  { machine, home, wanted }: { machine: string; home: string; wanted: string },
): Finding[] => {
  const silentMs = ageMs(status, nowMs);
  const log = consoleOf(home, machine);
  if (status === null || !Number.isFinite(silentMs))
    return [
      blocker(
        id,
        `${machine} has never reported: it boots, or its boot failed`,
        `wait three minutes; then ${log}`,
      ),
    ];
  const ago = duration(Math.max(0, silentMs));
  if (silentMs > limits.staleMs)
    return [blocker(id, `${machine} last reported ${ago} ago, and does so every minute`, log)];
  const found: Finding[] = [];
  const problem = status.problem === null ? "" : `: ${status.problem}`;
  if (!status.healthy) found.push(blocker(id, `the manager is not well${problem}`, log));
  else if (status.problem !== null)
    found.push(warning(id, `the manager is well; what went wrong last${problem}`, log));
  if (status.refused)
    found.push(
      warning(
        id,
        `version ${status.refused.manager.slice(0, 8)}, which up left, did not become healthy and was put back: ${status.refused.reason}`,
        "cure what it says, then up again",
      ),
    );
  else if (status.manager !== wanted)
    found.push(
      warning(
        id,
        `the manager runs version ${status.manager?.slice(0, 8) ?? "none"}, up left ${wanted.slice(0, 8)}`,
        "wait a minute: it takes a new one up by itself",
      ),
    );
  if (status.drain) {
    const left = status.drain.left === null ? "" : `, ${status.drain.left} machines are busy`;
    found.push(
      warning(id, `it drains and starts no machine${left}`, "a destroy or a removed pool asked for it"),
    );
  }
  return found.length > 0 ? found : [ok(id, `the manager is well, it reported ${ago} ago`)];
};

export const managerMachineCheck = atAws(async (aws, { stack, deps }) => {
  const [deployed, ports] = [await aws.deployed(), await aws.ports()];
  const { home, bucket } = deployed;
  const [machine, ...more] = await ports.managers(home, deployed.stack);
  if (!machine) {
    const { account } = await aws.identity();
    return [
      blocker(
        id,
        `the account ${account} has no manager of ${deployed.stack} in ${home}`,
        `is it the account that up ran in? If it is: npm run pulumi -- refresh -s ${stack}, then npm run pulumi -- up -s ${stack}`,
      ),
    ];
  }
  if (more.length > 0)
    return [
      blocker(
        id,
        `${[machine, ...more].map((one) => one.id).join(" and ")} both carry this stack's tags as its manager; there must be one`,
        `end what npm run pulumi -- stack output manager -s ${stack} does not name`,
      ),
    ];
  const findings = await checksFindings(machine, home, ports);
  if (machine.profile === null)
    findings.push(
      blocker(
        id,
        `${machine.id} has no instance profile, and with it no rights at AWS`,
        `npm run pulumi -- refresh -s ${stack}, then npm run pulumi -- up -s ${stack}`,
      ),
    );
  findings.push(...addressFindings(machine, deployed, stack));
  if (machine.state !== "running") return findings;
  const status = await readStatus({
    read: (key) => ports.read(bucket, key, home),
  });
  const wanted = deployed.config.manager.managerBundle.sha256;
  findings.push(...statusFindings(status, deps.manager.clock.now(), { machine: machine.id, home, wanted }));
  return findings;
});

/** Whether the last `up` was this checkout's. */
export const awsVersionCheck = atAws(async (aws, facts) => {
  const [{ config }, checkout] = [await aws.deployed(), await facts.digest()];
  const left = config.manager.managerBundle.sha256;
  if (left === checkout) return [ok("version", `${left.slice(0, 8)}, the one of this checkout`)];
  return [
    warning(
      "version",
      `up left version ${left.slice(0, 8)} at AWS, this checkout has ${checkout.slice(0, 8)}`,
      `npm run pulumi -- up -s ${facts.stack}`,
    ),
  ];
});
