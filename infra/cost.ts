/**
 * What a stack costs by list prices: idle and at most, per pool and in all. Pure, of settings alone, so that a preview
 * knows it. Traffic, the cache's storage, requests and snapshots come on top.
 */
import type { MachineType } from "../agent/manager-config.ts";
import { alarms } from "./aws/alarms.ts";
import { managerDisksGb } from "./aws/disks.ts";
import type { AwsBackendSettings, AwsManagerSettings, AwsNetwork, AwsSettings } from "./aws/settings.ts";
import { gp3Base } from "./catalog/regions.ts";
import { type Currency, inCurrency, pricesAsOf, pricesOf } from "./catalog.ts";
import type { Costs } from "./outputs.ts";
import type { PoolSettings, Settings } from "./settings.ts";

/** Hours of a month, as AWS reckons. */
export const hoursPerMonth = 730;

/** Per hour, in millionths of the stack's currency. */
export interface PoolCost {
  /** While no job runs: fixed machines and those of `minIdle`. */
  idle: number;
  /** With all of `max`, each at its dearest. */
  atMost: number;
}

export interface StackCost {
  currency: Currency;
  pricesAsOf: string;
  /** What is always there and belongs to no pool, in millionths per hour. */
  base: readonly { what: string; micros: number }[];
  pools: Readonly<Record<string, PoolCost>>;
  idle: number;
  /** Where a budget stops the pools before their `max`, with them at the budget. */
  atMost: number;
  /** What is probably not meant, as sentences without a full stop. */
  warnings: readonly string[];
}

/** Millionths per hour of the currency above which a stack should have a budget. */
const worthABudget = 5_000_000;

/** A machine with what it needs: its disk, and an address where it has one. */
interface MachineCost {
  machine: number;
  rest: number;
}
const whole = ({ machine, rest }: MachineCost) => machine + rest;

const diskPerHour = (
  { gb, throughput, iops }: { gb: number; throughput: number; iops: number },
  region: string,
): number => {
  const prices = pricesOf(region);
  const month =
    gb * prices.gp3GbMonth +
    Math.max(0, throughput - gp3Base.throughput) * prices.gp3ThroughputMonth +
    Math.max(0, iops - gp3Base.iops) * prices.gp3IopsMonth;
  return month / hoursPerMonth;
};

const hasAddresses = (network: AwsNetwork) => network.kind === "own" && !network.private;

const dearest = (types: readonly MachineType[]) =>
  Math.max(...types.map(({ microsPerHour }) => microsPerHour));

const machineCost = (entry: AwsBackendSettings, network: AwsNetwork, currency: Currency): MachineCost => {
  const { diskGb, diskThroughput, diskIops, region } = entry;
  const disk = diskPerHour({ gb: diskGb, throughput: diskThroughput, iops: diskIops }, region);
  const address = hasAddresses(network) ? pricesOf(region).ipv4Hour : 0;
  return { machine: dearest(entry.types), rest: inCurrency(disk + address, currency) };
};

interface PoolSums {
  idle: number;
  /** Of all machines at most. */
  machines: number;
  rest: number;
}

const poolSums = (pool: PoolSettings, network: AwsNetwork, currency: Currency): PoolSums => {
  const entries = pool.backends
    .filter((backend) => backend.kind === "aws")
    .map((entry) => ({ fixed: entry.fixed, cost: machineCost(entry, network, currency) }));
  const fixed = entries.filter((entry) => entry.fixed > 0);
  const launched = entries.filter((entry) => entry.fixed === 0).map(({ cost }) => cost);
  const always = fixed.reduce((sum, entry) => sum + entry.fixed, 0);
  const rest = Math.max(0, pool.max - always);
  // What waits is of the backend that comes first.
  const ready = launched[0] ? Math.max(0, pool.minIdle - always) * whole(launched[0]) : 0;
  const worst = launched.reduce<MachineCost>((a, b) => (whole(b) > whole(a) ? b : a), {
    machine: 0,
    rest: 0,
  });
  const sum = (of: keyof MachineCost) =>
    fixed.reduce((total, entry) => total + entry.fixed * entry.cost[of], 0) + rest * worst[of];
  return {
    idle: fixed.reduce((total, entry) => total + entry.fixed * whole(entry.cost), 0) + ready,
    machines: sum("machine"),
    rest: sum("rest"),
  };
};

const baseOf = (manager: AwsManagerSettings, aws: AwsSettings, currency: Currency) => {
  const home = aws.regions[0].name;
  const prices = pricesOf(home);
  const gb = managerDisksGb.root + managerDisksGb.data;
  const usd = (what: string, micros: number) => ({ what, micros: inCurrency(micros, currency) });
  const rows = [
    { what: `manager, ${manager.type.name}`, micros: manager.type.microsPerHour },
    usd("the manager's volumes", diskPerHour({ gb, ...gp3Base }, home)),
  ];
  // A fixed one where it is called over the internet, else one of its subnet's.
  if (manager.reach === "public" || hasAddresses(aws.network))
    rows.push(usd("the manager's address", prices.ipv4Hour));
  if (aws.network.kind === "own" && aws.network.private)
    for (const { name } of aws.regions)
      rows.push(usd(`NAT gateway in ${name}`, pricesOf(name).natHour + pricesOf(name).ipv4Hour));
  if (aws.alarmsTo.length > 0) {
    const count = alarms({ region: home, stack: "", type: manager.type.name }).length;
    rows.push(usd(`${count} alarms`, (count * prices.alarmMonth) / hoursPerMonth));
  }
  return rows;
};

/** Null for a stack whose manager is on this computer: it costs nothing here. */
export const costOf = (
  settings: Pick<Settings, "manager" | "aws" | "pools" | "budget">,
): StackCost | null => {
  const { manager, aws, budget } = settings;
  if (manager.on !== "aws" || !aws) return null;
  const currency = budget?.currency ?? "USD";
  const base = baseOf(manager, aws, currency);
  const sums = Object.entries(settings.pools).map(
    ([name, pool]) => [name, poolSums(pool, aws.network, currency)] as const,
  );
  const total = (of: (sums: PoolSums) => number) => sums.reduce((sum, [, pool]) => sum + of(pool), 0);
  const always = base.reduce((sum, { micros }) => sum + micros, 0);
  const machines = total((pool) => pool.machines);
  // A budget limits the machines' own prices; fewer machines have fewer disks and addresses.
  const share = budget && machines > budget.microsPerHour ? budget.microsPerHour / machines : 1;
  const idle = always + total((pool) => pool.idle);
  const atMost = Math.max(idle, always + share * (machines + total((pool) => pool.rest)));
  return {
    currency,
    pricesAsOf,
    base,
    pools: Object.fromEntries(
      sums.map(([name, pool]) => [
        name,
        { idle: Math.round(pool.idle), atMost: Math.round(pool.machines + pool.rest) },
      ]),
    ),
    idle: Math.round(idle),
    atMost: Math.round(atMost),
    warnings: budget ? [] : withoutBudget(sums, atMost, currency),
  };
};

const withoutBudget = (
  sums: readonly (readonly [string, PoolSums])[],
  atMost: number,
  currency: Currency,
): string[] => {
  if (atMost <= worthABudget) return [];
  const cost = (pool: PoolSums) => pool.machines + pool.rest;
  const [name, worst] = sums.reduce((a, b) => (cost(b[1]) > cost(a[1]) ? b : a));
  const money = (micros: number) => `${(micros / 1e6).toFixed(2)} ${currency}`;
  return [
    `muster:budget: none is set, and the stack can cost ${money(atMost)} an hour, ${money(cost(worst))} of it pool ${name}; ` +
      "set muster:budget = { perHour: ... }, or a lower max",
  ];
};

/** As the outputs say it: in whole units of the currency, to the hundredth of a cent. */
export const figures = ({ currency, pricesAsOf: day, idle, atMost }: StackCost): Costs => {
  const amount = (micros: number) => Math.round(micros / 100) / 10_000;
  return {
    currency,
    idlePerHour: amount(idle),
    idlePerMonth: amount(idle * hoursPerMonth),
    atMostPerHour: amount(atMost),
    atMostPerMonth: amount(atMost * hoursPerMonth),
    pricesOf: day,
  };
};
