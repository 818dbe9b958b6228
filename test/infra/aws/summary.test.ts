import { expect, test } from "vitest";
import { summaryOf, type SummaryArgs } from "../../../infra/aws/summary.ts";
import { entry, existing, home, peer } from "./graph.ts";
import { costs, managerSettings, poolSettings } from "./rig.ts";

const args: SummaryArgs = {
  stack: { project: "muster", name: "dev" },
  github: "https://github.com/acme",
  manager: managerSettings,
  aws: { regions: [home], network: { kind: "own", private: false } },
  pools: {
    arm64: {
      ...poolSettings,
      backends: [entry(), entry({ market: "on-demand", types: [entry().types[1]!] })],
    },
  },
  costs,
};

test("it says what runs where, how jobs ask for it, what it costs and how to look", () => {
  expect(summaryOf(args)).toBe(
    [
      "dev: manager on a t4g.nano in eu-central-1, runners for https://github.com/acme",
      "network: public subnets, no way in, 2 zones; agents call it privately on port 7443",
      "pool arm64: up to 20 at a time (USD 4.99 an hour), runs-on: [self-hosted, linux, ARM64]",
      "    spot in eu-central-1: c8g.2xlarge, c7g.2xlarge, 100 GB",
      "    on-demand in eu-central-1: c7g.2xlarge, 100 GB",
      "costs: USD 0.009 an hour (6.95 a month) idle, USD 5.00 an hour (3650.00 a month) at most; list prices of 2026-11-01",
      "page: aws ssm start-session --region eu-central-1 --target $(npm run -s pulumi -- stack output manager -s dev) --document-name AWS-StartPortForwardingSession --parameters portNumber=7117,localPortNumber=7117, then http://127.0.0.1:7117/",
      "shell: aws ssm start-session --region eu-central-1 --target $(npm run -s pulumi -- stack output manager -s dev)",
    ].join("\n"),
  );
});

test("it says what the worst case is when it is not all pools at their max", () => {
  const capped = { ...costs, limit: "budget" as const };
  expect(summaryOf({ ...args, costs: capped })).toContain(
    "(3650.00 a month) at most, which is the budget; list",
  );
  const over = summaryOf({ ...args, costs: { ...capped, limit: "always" } });
  expect(over).toContain("at most, which is above the budget: nothing is launched;");
});

test("it says that two CAs are trusted, and when and how the older one goes", () => {
  const manager = { ...args.manager, caGenerations: [2, 3] };
  const pools = {
    arm64: args.pools["arm64"]!,
    gpu: { ...args.pools["arm64"]!, backends: [entry({ fixed: 1 })] },
  };
  expect(summaryOf({ ...args, manager, pools })).toContain(
    "\nCA: 2 and 3 are trusted. Once no machine from before is left (a job ends after 6 h at most; the fixed ones of gpu need a --replace): " +
      "npm run pulumi -- config set --path muster:manager.ca.retired 2 -s dev, then up\n",
  );
  expect(summaryOf(args)).not.toContain("CA:");
});

test.each([
  [true, "network: in an existing network, public subnets, no way in;"],
  [false, "network: in an existing network, which has a way out;"],
])("it says how an existing network leads out (public: %s)", (open, line) => {
  const aws = { ...args.aws, network: { ...existing, public: open } };
  expect(summaryOf({ ...args, aws })).toContain(line);
});

test("it says when a port is open to the internet", () => {
  const summary = summaryOf({ ...args, manager: { ...args.manager, reach: "public" } });
  expect(summary).toContain("port 7443 is open to the internet for agents (TLS)");
});

test("it names further regions, private subnets, machines kept ready and machines that always exist", () => {
  const summary = summaryOf({
    ...args,
    aws: { regions: [home, peer], network: { kind: "own", private: true } },
    pools: {
      gpu: { ...args.pools["arm64"]!, minIdle: 2, backends: [entry({ market: "on-demand", fixed: 1 })] },
    },
  });
  expect(summary).toContain("private subnets behind a NAT gateway, 2 zones; peered with us-east-1;");
  expect(summary).toContain("up to 20 at a time, 2 kept ready, runs-on");
  expect(summary).toContain("100 GB, 1 that always exists");
});
