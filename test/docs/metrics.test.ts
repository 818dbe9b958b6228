// docs/metrics.md is made from the table in the code: `npx vitest run --project unit test/docs/metrics.test.ts -u` makes it anew.
import { join } from "node:path";
import { format } from "prettier";
import { describe, expect, it } from "vitest";
import { makeMetrics } from "../../agent/manager/web/metrics.ts";
import { metricTable, type Metric } from "../../agent/manager/web/metric-table.ts";
import { fakeClock, quietDeps } from "../agent/manager/web/fake-deps.ts";

const page = join(import.meta.dirname, "../../docs/metrics.md");
const table = Object.entries<Metric>(metricTable);

const row = ([name, metric]: [string, Metric]): string => {
  const beside = metric.type === "histogram" ? ` Unfinished: \`${metric.beside}\`.` : "";
  const labels = metric.labels.map((label) => `\`${label}\``).join(", ") || "–";
  return `| \`${name}\` | ${metric.type} | ${labels} | ${metric.help}${beside} |`;
};
const text = `# Metrics

\`GET /metrics\` of the manager, for Prometheus. Made from
[metric-table.ts](../agent/manager/web/metric-table.ts); Node's own (\`process_*\`, \`nodejs_*\`) come with it.

A histogram knows only what has ended. Beside each histogram of durations stands a gauge of the age of the oldest that
has not, so that what is stuck is seen: alarm on the gauge, draw the histogram. Labels come from settings and fixed lists,
so the number of series is bounded; machines, jobs and repositories are no labels. \`gone\` as a pool is one that is no
longer in the settings. \`host\` is \`api\` (GitHub's REST API) or \`broker\` (what hands out jobs), \`from\` is \`manager\` or
\`machine\`. On this computer all machines see the same graphics processors: each counts once for each machine.

| name | type | labels | what |
| --- | --- | --- | --- |
${table.map(row).join("\n")}
`;

describe("the table of metrics", () => {
  it("is docs/metrics.md", async () => {
    await expect(await format(text, { parser: "markdown", printWidth: 110 })).toMatchFileSnapshot(page);
  });

  it("is what /metrics has: names, types and help", async () => {
    const served = (await makeMetrics(quietDeps(fakeClock(0))).text())
      .split("\n")
      .filter((line) => /^# (HELP|TYPE) muster_/.test(line));
    const wanted = table.flatMap(([name, { help, type }]) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
    ]);
    expect(served.sort()).toEqual(wanted.sort());
  });

  it("has a gauge of the age of the unfinished beside each histogram of durations", () => {
    const lacking = table.filter(([name, metric]) => {
      if (metric.type !== "histogram") return false;
      const beside = (metricTable as Record<string, Metric>)[metric.beside];
      return !name.endsWith("_seconds") || beside?.type !== "gauge" || !/_seconds$/.test(metric.beside);
    });
    expect(lacking.map(([name]) => name)).toEqual([]);
  });

  it("has no label that GitHub or an agent could fill", () => {
    const bounded = [
      ...["pool", "backend", "stage", "reason", "scope", "key", "source", "result", "kind", "outcome"],
      ...["route", "status", "host", "from", "vendor", "health"],
    ];
    expect(table.flatMap(([, { labels }]) => labels).filter((label) => !bounded.includes(label))).toEqual([]);
  });
});
