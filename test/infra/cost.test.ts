import { expect, test } from "vitest";
import { alarms } from "../../infra/aws/alarms.ts";
import { costOf, figures } from "../../infra/cost.ts";
import { awsInput, parseAws } from "./aws/rig.ts";
import { parseSettings } from "../../infra/settings.ts";

const cost = (values: Record<string, unknown>) => costOf(parseAws(values))!;
const alarmCount = alarms({ region: "eu-central-1", stack: "", type: "t4g.nano" }).length;

/** USD per hour, by hand. eu-central-1: a GB of gp3 .0952 a month, a MiB/s of it above 125 .0476. */
const nano = 0.0042 * 1.143;
const managerVolumes = (16 * 0.0952) / 730;
const disk = (gb: number) => (gb * 0.0952 + 275 * 0.0476) / 730;
const address = 0.005;

test("a stack without a manager at AWS costs nothing here", () => {
  expect(
    costOf(parseSettings(awsInput({ manager: { on: "local" }, aws: undefined, trustJobs: true }))),
  ).toBeNull();
});

test("idle, public subnets: the manager, its volumes, its address", () => {
  const { base, idle, currency, pricesAsOf } = cost({});
  expect(base.map(({ what }) => what)).toEqual([
    "manager, t4g.nano",
    "the manager's volumes",
    "the manager's address",
  ]);
  expect(idle / 1e6).toBeCloseTo(nano + managerVolumes + address, 4);
  expect([currency, pricesAsOf]).toEqual(["USD", "2026-07-20"]);
});

test("an existing network: addresses of manager and machines where its subnets are public, none elsewhere", () => {
  const pools = { p: { max: 1, backends: [{ aws: { types: ["c7g.2xlarge"] } }] } };
  const network = {
    vpcId: "vpc-0123456789abcdef0",
    subnetIds: { "subnet-0123456789abcdef0": "eu-central-1a" },
  };
  const [closed, open] = [cost({ pools, network }), cost({ pools, network: { ...network, public: true } })];
  expect(open.idle - closed.idle).toBe(5_000);
  expect(open.atMost - closed.atMost).toBe(10_000);
});

test("idle, private subnets: a NAT gateway with its address in each region, no address of the manager's, and the alarms", () => {
  const pools = { p: { backends: [{ aws: {} }, { aws: { region: "us-east-1" } }] } };
  const { base } = cost({
    network: { private: true },
    aws: { region: "eu-central-1", alarmsTo: "a@acme.example" },
    pools,
  });
  expect(base.map(({ what, micros }) => [what, micros]).slice(2)).toEqual([
    ["NAT gateway in eu-central-1", 57_000],
    ["NAT gateway in us-east-1", 50_000],
    [`${alarmCount} alarms`, Math.round((alarmCount * 100_000) / 730)],
  ]);
});

test("at most: max machines at the dearest type of the dearest entry, each with disk and address", () => {
  const pools = {
    p: {
      max: 3,
      backends: [
        { aws: { types: ["c8g.2xlarge", "c7g.2xlarge"], market: "spot" } },
        { aws: { types: ["c7g.2xlarge"], market: "on-demand" } },
      ],
    },
  };
  const c7g = 0.29 * 1.138;
  const { pools: of, idle, atMost } = cost({ pools });
  expect(of.p!.idle).toBe(0);
  expect(of.p!.atMost / 1e6).toBeCloseTo(3 * (c7g + disk(200) + address), 4);
  expect(atMost).toBe(idle + of.p!.atMost);
});

test("fixed machines and minIdle cost while idle", () => {
  const fixed = { types: ["c7g.2xlarge"], fixed: 2 };
  const one = 0.29 * 1.138 + disk(200) + address;
  const always = cost({ pools: { p: { max: 2, backends: [{ aws: fixed }] } } }).pools.p!;
  expect(always.idle / 1e6).toBeCloseTo(2 * one, 4);
  expect(always.atMost).toBe(always.idle);
  const ready = { max: 5, minIdle: 1, backends: [{ aws: { types: ["c7g.2xlarge"], market: "on-demand" } }] };
  expect(cost({ pools: { p: ready } }).pools.p!.idle / 1e6).toBeCloseTo(one, 4);
});

test("a budget is for everything: the worst case is the budget, in its currency, and a smaller one stays", () => {
  const pools = { p: { max: 100, backends: [{ aws: { types: ["c7g.2xlarge"], market: "on-demand" } }] } };
  const free = cost({ pools });
  const capped = cost({ pools, budget: { perHour: 2 } });
  expect(capped).toMatchObject({ atMost: 2_000_000, limit: "budget", warnings: [] });
  // What one pool could have alone.
  expect(capped.pools.p!.atMost).toBe(2_000_000 - capped.always);
  expect(cost({ pools, budget: { perHour: 1e6 } })).toMatchObject({ atMost: free.atMost, limit: "max" });
  const euros = cost({ pools, budget: { perHour: 1e6, currency: "EUR" } });
  expect(euros.currency).toBe("EUR");
  expect(euros.atMost / 1e6).toBeCloseTo(free.atMost / 1e6 / 1.16, 2);
});

test("fixed machines come out of the budget first, and machines that wait only while it lasts", () => {
  const fixed = { types: ["c7g.2xlarge"], fixed: 1 };
  const pools = {
    always: { labels: ["a"], max: 1, backends: [{ aws: fixed }] },
    ready: { labels: ["b"], max: 9, minIdle: 9, backends: [{ aws: { types: ["c7g.2xlarge"] } }] },
  };
  const { always, idle, atMost } = cost({ pools, budget: { perHour: 0.8 } });
  const one = 0.29 * 1.138 + disk(200) + address;
  expect(always / 1e6).toBeCloseTo(nano + managerVolumes + address + one, 4);
  expect([idle, atMost]).toEqual([800_000, 800_000]);
});

test("a budget below what is always there is exceeded, and says so; a pool whose machines do not fit is named", () => {
  const pools = {
    small: { labels: ["a"], max: 1, backends: [{ aws: { types: ["c7g.xlarge"], disk: 100 } }] },
    large: { labels: ["b"], max: 1, backends: [{ aws: { types: ["c7g.8xlarge"], disk: 400 } }] },
  };
  const none = cost({ pools, budget: { perHour: 0.001 } });
  expect(none).toMatchObject({ atMost: none.always, idle: none.always, limit: "always" });
  expect(none.warnings).toEqual([expect.stringMatching(/^muster:budget: of 0.00 USD .*small, large/)]);
  const tight = cost({ pools, budget: { perHour: 0.5 } });
  expect(tight.warnings).toEqual([expect.stringMatching(/no machine of large fits/)]);
  const said = Number(/perHour to ([\d.]+)/.exec(tight.warnings[0]!)![1]);
  expect(cost({ pools, budget: { perHour: said } }).warnings).toEqual([]);
});

test("without a budget a worst case above 5 an hour is a warning that names the pool that costs most", () => {
  const pools = {
    cheap: { labels: ["a"], max: 1, backends: [{ aws: {} }] },
    dear: { labels: ["b"], max: 40, backends: [{ aws: {} }] },
  };
  expect(cost({ pools }).warnings).toEqual([expect.stringMatching(/^muster:budget: none is set.*pool dear/)]);
  expect(cost({ pools, budget: { perHour: 100 } }).warnings).toEqual([]);
  expect(cost({}).warnings).toEqual([]);
});

test("the outputs' figures are of 730 hours a month", () => {
  const of = figures(cost({}));
  expect(of.idlePerMonth).toBeCloseTo((nano + managerVolumes + address) * 730, 1);
  expect(of.idlePerHour).toBeCloseTo(nano + managerVolumes + address, 3);
  expect(of.atMostPerHour).toBeGreaterThan(of.idlePerHour);
});
