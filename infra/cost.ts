/**
 * What a stack costs by list prices: idle and at most, per pool and in all. Pure, of settings alone, so that a preview
 * knows it. Traffic, the cache's storage, requests and snapshots come on top.
 */
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
  /** What is there whatever happens: `base` and the pools' fixed machines. A budget holds what comes beyond it. */
  always: number;
  idle: number;
  /** With every pool at its `max`, or where the budget stops them. */
  atMost: number;
  /** What sets `atMost`: the pools' `max`, the budget, or what is always there, when that alone is above the budget. */
  limit: "max" | "budget" | "always";
  /** What is probably not meant, as sentences without a full stop. */
  warnings: readonly string[];
}

/** Millionths per hour of the currency above which a stack should have a budget. */
const worthABudget = 5_000_000;

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

const hasAddresses = (network: AwsNetwork) => (network.kind === "own" ? !network.private : network.public);

/** What one machine of the entry costs besides its type: its disk, and an address where it has one. */
export const besideOf = (
  entry: Pick<AwsBackendSettings, "diskGb" | "diskThroughput" | "diskIops" | "region" | "types">,
  network: AwsNetwork,
): number => {
  const { diskGb, diskThroughput, diskIops, region, types } = entry;
  const disk = diskPerHour({ gb: diskGb, throughput: diskThroughput, iops: diskIops }, region);
  const address = hasAddresses(network) ? pricesOf(region).ipv4Hour : 0;
  return inCurrency(disk + address, types[0]!.currency);
};

interface PoolSums {
  fixed: number;
  /** Of machines that wait for jobs. */
  ready: number;
  /** Of machines that are launched, at most. */
  launched: number;
  /** One machine of the cheapest type; null where none is launched. */
  one: number | null;
}

const poolSums = (pool: PoolSettings, network: AwsNetwork): PoolSums => {
  const entries = pool.backends
    .filter((backend) => backend.kind === "aws")
    .map((entry) => {
      const prices = entry.types.map(({ microsPerHour }) => microsPerHour + besideOf(entry, network));
      return { fixed: entry.fixed, most: Math.max(...prices), least: Math.min(...prices) };
    });
  const fixed = entries.filter((entry) => entry.fixed > 0);
  const launched = entries.filter((entry) => entry.fixed === 0);
  const always = fixed.reduce((sum, entry) => sum + entry.fixed, 0);
  const room = launched.length > 0 ? Math.max(0, pool.max - always) : 0;
  return {
    fixed: fixed.reduce((sum, entry) => sum + entry.fixed * entry.most, 0),
    // What waits is of the backend that comes first.
    ready: Math.min(room, Math.max(0, pool.minIdle - always)) * (launched[0]?.most ?? 0),
    launched: room * Math.max(0, ...launched.map(({ most }) => most)),
    one: room > 0 ? Math.min(...launched.map(({ least }) => least)) : null,
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
    ([name, pool]) => [name, poolSums(pool, aws.network)] as const,
  );
  const total = (of: (sums: PoolSums) => number) => sums.reduce((sum, [, pool]) => sum + of(pool), 0);
  const always = base.reduce((sum, { micros }) => sum + micros, 0) + total(({ fixed }) => fixed);
  // A budget is for everything, but only stops what would be launched.
  const room = budget ? Math.max(0, budget.microsPerHour - always) : Infinity;
  const launched = total((pool) => pool.launched);
  const atMost = Math.round(always + Math.min(room, launched));
  return {
    currency,
    pricesAsOf,
    base,
    pools: Object.fromEntries(
      sums.map(([name, { fixed, ready, launched: most }]) => [
        name,
        { idle: Math.round(fixed + Math.min(room, ready)), atMost: Math.round(fixed + Math.min(room, most)) },
      ]),
    ),
    always: Math.round(always),
    idle: Math.round(
      always +
        Math.min(
          room,
          total(({ ready }) => ready),
        ),
    ),
    atMost,
    limit: launched <= room ? "max" : room > 0 ? "budget" : "always",
    warnings: budget
      ? withBudget(sums, { budget: budget.microsPerHour, always, room }, currency)
      : withoutBudget(sums, atMost, currency),
  };
};

type Sums = readonly (readonly [string, PoolSums])[];
const money = (micros: number, currency: Currency) => `${(micros / 1e6).toFixed(2)} ${currency}`;

/** A budget that nothing fits into looks like a pool that never starts. */
const withBudget = (
  sums: Sums,
  { budget, always, room }: { budget: number; always: number; room: number },
  currency: Currency,
): string[] => {
  const short = sums.filter(([, { one }]) => one !== null && one > room);
  if (short.length === 0) return [];
  const names = short.map(([name]) => name).join(", ");
  const least = Math.max(...short.map(([, { one }]) => one!));
  return [
    `muster:budget: of ${money(budget, currency)} an hour ${money(always, currency)} go to what is always there; ` +
      `no machine of ${names} fits into the rest; set perHour to ${((always + least) / 1e6 + 0.005).toFixed(2)} or more`,
  ];
};

const withoutBudget = (sums: Sums, atMost: number, currency: Currency): string[] => {
  if (atMost <= worthABudget) return [];
  const cost = ({ fixed, launched }: PoolSums) => fixed + launched;
  const [name, worst] = sums.reduce((a, b) => (cost(b[1]) > cost(a[1]) ? b : a));
  return [
    `muster:budget: none is set, and the stack can cost ${money(atMost, currency)} an hour, ${money(cost(worst), currency)} of it pool ${name}; ` +
      "set muster:budget = { perHour: ... }, or a lower max",
  ];
};

/** As the outputs say it: in whole units of the currency, to the hundredth of a cent. */
export const figures = ({ currency, pricesAsOf: day, idle, atMost, limit, pools }: StackCost): Costs => {
  const amount = (micros: number) => Math.round(micros / 100) / 10_000;
  return {
    currency,
    idlePerHour: amount(idle),
    idlePerMonth: amount(idle * hoursPerMonth),
    atMostPerHour: amount(atMost),
    atMostPerMonth: amount(atMost * hoursPerMonth),
    limit,
    pools: Object.fromEntries(
      Object.entries(pools).map(([name, pool]) => [
        name,
        { idlePerHour: amount(pool.idle), atMostPerHour: amount(pool.atMost) },
      ]),
    ),
    pricesOf: day,
  };
};
