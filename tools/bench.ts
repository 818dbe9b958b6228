/**
 * `npm run bench [-- plan|launch|boot|preview|abuse|sizes|aws|aws-launch ...]`: figures of one run on this machine beside what they should stay below.
 * Printed, not asserted: a busy machine is slow, and the ratio says by how much.
 */
import { crowd } from "../test/agent/manager/web/crowd.ts";
import { benchAws } from "./bench/aws.ts";
import { benchAwsLaunch } from "./bench/aws-launch.ts";
import { benchBoot } from "./bench/boot.ts";
import { benchCalls } from "./bench/calls.ts";
import { benchLaunch } from "./bench/launch.ts";
import { benchPlan } from "./bench/plan.ts";
import { benchPreview } from "./bench/preview.ts";
import { moduleVariables, settingsToWrite, userDataBytes } from "./bench/sizes.ts";
import { table } from "../agent/cli/table.ts";

interface Figure {
  what: string;
  value: number;
  below: number;
  unit: "ms" | "s" | "MB" | "KB" | "";
}

const benches: Record<string, () => Promise<Figure[]>> = {
  plan: async () => {
    const { medianMs } = benchPlan();
    return [
      {
        what: "plan() at 2,000 machines and 1,000 waiting jobs, median",
        value: medianMs,
        below: 10,
        unit: "ms",
      },
    ];
  },
  launch: async () => {
    const { oneMs, lastOfBurstMs, burst } = await benchLaunch();
    return [
      { what: "job queued -> launch call, one job, median", value: oneMs, below: 100, unit: "ms" },
      {
        what: `job queued -> launch call, the last of ${burst}`,
        value: lastOfBurstMs,
        below: 100,
        unit: "ms",
      },
    ];
  },
  boot: async () => {
    const { launchToListeningMs, managerMb } = await benchBoot();
    return [
      {
        what: "launch asked -> runner listening on this computer, median",
        value: launchToListeningMs,
        below: 1_500,
        unit: "ms",
      },
      { what: "manager at rest, resident", value: managerMb, below: 100, unit: "MB" },
    ];
  },
  preview: async () => [
    {
      what: "pulumi preview of the stack local, median",
      value: (await benchPreview()).seconds,
      below: 3,
      unit: "s",
    },
  ],
};

const abuse = { slowConnections: 200, requests: 4_000 };
benches["abuse"] = async () => {
  const alone = await crowd({ agents: 200, syncs: 10, abuse: null });
  const beside = await crowd({ agents: 200, syncs: 10, abuse });
  const ms = (what: string, value: number, below: number): Figure => ({ what, value, below, unit: "ms" });
  return [
    ms("200 agents over TCP, p99 of a call", alone.p99Ms, 250),
    ms("the same beside an abuser (200 slow connections, 4,000 requests)", beside.p99Ms, 500),
    ms("an order until its agent has it, p99, beside the abuser", beside.orderP99Ms, 500),
    { what: "heap at most, beside the abuser", value: beside.heapGrowthMb, below: 150, unit: "MB" },
  ];
};

benches["sizes"] = async () => {
  const { runner, manager } = await userDataBytes();
  const kb = (what: string, bytes: number): Figure => ({ what, value: bytes / 1024, below: 16, unit: "KB" });
  return [
    kb("user data of a runner machine", runner),
    kb("user data of the manager's machine", manager),
    {
      what: "settings to write for AWS (142: variables of terraform-aws-github-runner)",
      value: settingsToWrite(),
      below: moduleVariables,
      unit: "",
    },
  ];
};

benches["aws"] = async () => {
  const figures: Figure[] = [];
  for (const name of ["dev", "prod"]) {
    const { firstSeconds, previewSeconds, upSeconds, againSeconds, resources } = await benchAws(name);
    const s = (what: string, value: number, below: number): Figure => ({ what, value, below, unit: "s" });
    figures.push(
      s(`pulumi preview of the stack ${name}, the first of its checkout`, firstSeconds, 3),
      s(`pulumi preview of the stack ${name}, nothing there, median`, previewSeconds, 3),
      s(`pulumi preview of the stack ${name}, nothing to do, median`, againSeconds, 3),
      s(`pulumi up of the stack ${name}, ${resources} resources, moto as AWS`, upSeconds, 60),
    );
  }
  return figures;
};

benches["aws-launch"] = async () => {
  const { oneMs, bursts, awsCallsPerMinute, bootBytes } = await benchAwsLaunch();
  const figure = (what: string, value: number, below: number, unit: Figure["unit"]): Figure => ({
    ...{ what, value, below, unit },
  });
  return [
    figure("job queued -> CreateFleet, one job, median", oneMs, 1_000, "ms"),
    ...bursts.flatMap(({ jobs, lastMs, fleetCalls }) => [
      figure(`job queued -> CreateFleet, the last of ${jobs}`, lastMs, 1_000, "ms"),
      figure(`calls of CreateFleet for ${jobs} jobs at once`, fleetCalls, jobs, ""),
    ]),
    figure("calls of AWS in a minute in which nothing happens", awsCallsPerMinute, 6, ""),
    figure("calls of GitHub for one job, from its queue to its end", await benchCalls(), 10, ""),
    figure("the agent's program, which each boot fetches from the manager", bootBytes / 1024, 100, "KB"),
  ];
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in benches));
if (unknown.length > 0) {
  console.error(
    `npm run bench: there is no bench ${unknown.join(", ")}; there are ${Object.keys(benches).join(", ")}`,
  );
  process.exit(2);
}
const figures: Figure[] = [];
for (const [name, bench] of Object.entries(benches)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  process.stderr.write(`${name} ...\n`);
  figures.push(...(await bench()));
}
const number = (value: number, unit: string) =>
  unit !== "" && value < 10 ? value.toFixed(1) : value.toFixed(0);
const rows = figures.map(({ what, value, below, unit }) => [
  what,
  `${number(value, unit)} ${unit}`.trimEnd(),
  `${below} ${unit}`.trimEnd(),
  (value / below).toFixed(2),
]);
const columns = [
  { title: "figure" },
  { title: "here", align: "right" },
  { title: "below", align: "right" },
  { title: "ratio", align: "right" },
] as const;
console.log(table(columns, rows).join("\n"));
