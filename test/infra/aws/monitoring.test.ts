import { expect, test } from "vitest";
import { alarms } from "../../../infra/aws/alarms.ts";
import { Monitoring } from "../../../infra/aws/monitoring.ts";
import type { AwsSettings } from "../../../infra/aws/settings.ts";
import { contextOf, graphOf, type Graph } from "./graph.ts";

const monitoringOf = (settings: Partial<AwsSettings> = {}, managerType = "t4g.nano") =>
  graphOf(() => {
    const made = new Monitoring("w", { context: contextOf(settings), managerType, instanceId: "i-1" });
    return { alarmTopic: made.alarmTopic, logGroup: made.logGroup };
  });
const mailed = { alarmsTo: ["ops@acme.example", "oncall@acme.example"] };
const alarm = (graph: Graph, key: string) => graph.one("cloudwatch/metricAlarm:MetricAlarm", `w-${key}`);

test("the log is kept for a month", async () => {
  const graph = await monitoringOf();
  expect(graph.one("cloudwatch/logGroup:LogGroup", "w-log")).toEqual({
    name: "muster-dev-manager",
    retentionInDays: 30,
  });
});

test("without an address there are no alarms and no topic", async () => {
  const graph = await monitoringOf();
  expect(graph.all("cloudwatch/metricAlarm:MetricAlarm")).toEqual([]);
  expect(graph.all("sns/topic:Topic")).toEqual([]);
  expect(graph.result.alarmTopic).toBeNull();
});

test("every address is asked to subscribe, and every alarm of the table mails", async () => {
  const graph = await monitoringOf(mailed);
  expect(graph.all("sns/topicSubscription:TopicSubscription").map(({ inputs }) => inputs)).toEqual([
    { topic: "w-alarms-arn", protocol: "email", endpoint: "oncall@acme.example" },
    { topic: "w-alarms-arn", protocol: "email", endpoint: "ops@acme.example" },
  ]);
  const made = graph.all("cloudwatch/metricAlarm:MetricAlarm");
  const table = alarms({ region: "eu-central-1", stack: "muster/dev", type: "t4g.nano" });
  expect(made.map(({ name }) => name)).toEqual(table.map(({ key }) => `w-${key}`).sort());
  for (const { inputs } of made) expect(inputs.alarmActions).toContain("w-alarms-arn");
});

test("a silent manager is an alarm: what is missing counts as wrong", async () => {
  expect(alarm(await monitoringOf(mailed), "manager-silent")).toMatchObject({
    namespace: "muster/muster/dev",
    metricName: "Heartbeat",
    dimensions: { Stack: "muster/dev" },
    treatMissingData: "breaching",
  });
});

test("faulty hardware moves the machine besides mailing", async () => {
  const { alarmActions, dimensions } = alarm(await monitoringOf(mailed), "manager-hardware");
  expect(alarmActions).toEqual(["w-alarms-arn", "arn:aws:automate:eu-central-1:ec2:recover"]);
  expect(dimensions).toEqual({ InstanceId: "i-1" });
});

test("CPU credits are watched where the type has them", () => {
  const keys = (type: string) =>
    alarms({ region: "eu-central-1", stack: "muster/dev", type }).map(({ key }) => key);
  expect(keys("t4g.micro")).toContain("manager-credits");
  expect(keys("m7g.medium")).not.toContain("manager-credits");
});

test("the customer's key encrypts log and topic; AWS's own key for topics is never named, since alarms could not publish", async () => {
  const keyed = await monitoringOf({ ...mailed, kmsKeyId: "key" });
  expect(keyed.one("sns/topic:Topic", "w-alarms").kmsMasterKeyId).toBe("key");
  expect(keyed.one("cloudwatch/logGroup:LogGroup", "w-log").kmsKeyId).toBe("key");
  expect((await monitoringOf(mailed)).one("sns/topic:Topic", "w-alarms")).not.toHaveProperty(
    "kmsMasterKeyId",
  );
});

test("the dashboard shows the manager's machine and log", async () => {
  const graph = await monitoringOf();
  const { dashboardName, dashboardBody } = graph.one("cloudwatch/dashboard:Dashboard", "w-dashboard");
  expect(dashboardName).toBe("muster-dev-overview");
  const { widgets } = JSON.parse(dashboardBody);
  expect(JSON.stringify(widgets)).toContain('"InstanceId","i-1"');
  expect(JSON.stringify(widgets)).toContain("SOURCE 'muster-dev-manager'");
  // CloudWatch refuses a widget over the edge of its 24 columns.
  for (const { x, width } of widgets) expect(x + width).toBeLessThanOrEqual(24);
});
