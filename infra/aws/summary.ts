/** What the stack is, in a few lines for people; made of plain settings, so that a preview already shows it. */
import type { PoolConfig } from "../../agent/manager-config.ts";
import { runsOn, type Costs } from "../outputs.ts";
import type { AwsBackendSettings, AwsManagerSettings, AwsSettings } from "./settings.ts";

export interface SummaryArgs {
  stack: { project: string; name: string };
  /** The checkout's commands do not know the stack: the outputs have others. */
  ofProgram?: boolean;
  github: string;
  manager: Pick<AwsManagerSettings, "type" | "reach" | "agentsPort" | "port" | "caGenerations">;
  aws: Pick<AwsSettings, "regions" | "network">;
  pools: Readonly<
    Record<
      string,
      Pick<PoolConfig, "labels" | "max" | "minIdle" | "maxJobSeconds"> & {
        backends: readonly AwsBackendSettings[];
      }
    >
  >;
  costs: Costs;
}

const plural = (count: number, one: string) => `${count} ${one}${count === 1 ? "" : "s"}`;

/** Cents, and of less the first digit that says something. */
const money = (amount: number) => (amount > 0 && amount < 0.01 ? amount.toPrecision(1) : amount.toFixed(2));

const network = ({ regions, network: { kind, ...rest } }: SummaryArgs["aws"]) => {
  if (kind === "existing")
    return `in an existing network, ${"public" in rest && rest.public ? "public subnets, no way in" : "which has a way out"}`;
  const { zones } = regions[0];
  const where =
    "private" in rest && rest.private ? "private subnets behind a NAT gateway" : "public subnets, no way in";
  return `${where}, ${plural(zones.length, "zone")}`;
};

const reach = ({ reach: kind, agentsPort }: SummaryArgs["manager"]) =>
  kind === "private"
    ? `agents call it privately on port ${agentsPort}`
    : `port ${agentsPort} is open to the internet for agents (TLS)`;

/** While two are trusted: what is to be done, since a forgotten one is trusted for years. */
const exchange = (
  { caGenerations: [earlier, newest] }: SummaryArgs["manager"],
  pools: SummaryArgs["pools"],
  stack: string,
): string[] => {
  if (newest === undefined) return [];
  const fixed = Object.entries(pools).filter(([, { backends }]) => backends.some((entry) => entry.fixed > 0));
  const hours = Math.max(...Object.values(pools).map(({ maxJobSeconds }) => maxJobSeconds)) / 3600;
  const replaced =
    fixed.length > 0 ? `; the fixed ones of ${fixed.map(([name]) => name).join(", ")} need a --replace` : "";
  return [
    `CA: ${earlier} and ${newest} are trusted. Once no machine from before is left (a job ends after ${Number(hours.toFixed(1))} h at most${replaced}): ` +
      `npm run pulumi -- config set --path muster:manager.ca.retired ${earlier} -s ${stack}, then up`,
  ];
};

const entryLine = ({ market, region, types, fixed, diskGb }: AwsBackendSettings) => {
  const names = types.map(({ name }) => name).join(", ");
  const always = fixed > 0 ? `, ${fixed} that always ${fixed === 1 ? "exists" : "exist"}` : "";
  return `    ${market} in ${region}: ${names}, ${diskGb} GB${always}`;
};

const limits: Record<Costs["limit"], string> = {
  max: "",
  budget: ", which is the budget",
  always: ", which is above the budget: nothing is launched",
};

/**
 * The target of the commands is asked of the stack, since a preview does not know it yet.
 * @param doc name of the SSM document and its parameters, if any
 */
export const sessionCommand = (region: string, target: string, doc = ""): string =>
  `aws ssm start-session --region ${region} --target ${target}${doc}`;

/** The page's port, through Session Manager: nothing of it is open to the network. */
export const forward = (port: number): string =>
  ` --document-name AWS-StartPortForwardingSession --parameters portNumber=${port},localPortNumber=${port}`;

export const summaryOf = (args: SummaryArgs): string => {
  const { stack, github, manager, aws, pools, costs } = args;
  const home = aws.regions[0].name;
  const others = aws.regions.slice(1).map(({ name }) => name);
  const session = (output: string, doc = "") =>
    args.ofProgram
      ? `the command commands.${output} of its outputs`
      : sessionCommand(home, `$(npm run -s pulumi -- stack output manager -s ${stack.name})`, doc);
  const per = (hour: number, month: number) =>
    `${costs.currency} ${money(hour)} an hour (${money(month)} a month)`;
  const alone = (pool: string) => {
    const cost = costs.pools[pool];
    if (!cost) return "";
    const { idlePerHour: idle, atMostPerHour: most } = cost;
    return ` (${costs.currency} ${idle > 0 && idle !== most ? `${money(idle)} to ` : ""}${money(most)} an hour)`;
  };
  return [
    `${stack.name}: manager on a ${manager.type.name} in ${home}, runners for ${github}`,
    `network: ${network(aws)}${others.length ? `; peered with ${others.join(", ")}` : ""}; ${reach(manager)}`,
    ...exchange(manager, pools, stack.name),
    ...Object.entries(pools).flatMap(([name, { labels, max, minIdle, backends }]) => [
      `pool ${name}: up to ${max} at a time${minIdle ? `, ${minIdle} kept ready` : ""}${alone(name)}, ${runsOn(labels)}`,
      ...backends.map(entryLine),
    ]),
    `costs: ${per(costs.idlePerHour, costs.idlePerMonth)} idle, ` +
      `${per(costs.atMostPerHour, costs.atMostPerMonth)} at most${limits[costs.limit]}; list prices of ${costs.pricesOf}`,
    `page: ${session("page", forward(manager.port))}, then http://127.0.0.1:${manager.port}/`,
    `shell: ${session("shell")}`,
  ].join("\n");
};
