/** CloudWatch's dashboard of a stack: is the manager alive, is its machine large enough, what does it say. */
import { hostMetrics } from "../../agent/manager-host.ts";
import type { AlarmFacts } from "./alarms.ts";

export interface DashboardFacts extends AlarmFacts {
  /** Id. */
  instance: string;
  /** Log group. */
  group: string;
}

type Metric = [namespace: string, name: string, dimension: string, value: string];

export const dashboardBody = ({ region, stack, instance, group }: DashboardFacts) => {
  const own = (name: string): Metric => [hostMetrics.namespace(stack), name, hostMetrics.dimension, stack];
  const ec2 = (name: string): Metric => ["AWS/EC2", name, "InstanceId", instance];
  const graph = (column: number, row: number, title: string, metrics: Metric[], stat = "Maximum") => ({
    type: "metric",
    x: column * 8,
    y: row * 6,
    width: 8,
    height: 6,
    properties: { title, region, metrics, stat, period: 60, view: "timeSeries" },
  });
  return {
    widgets: [
      graph(0, 0, "Manager healthy (1)", [own(hostMetrics.heartbeat)], "Minimum"),
      graph(1, 0, "Manager: CPU %", [ec2("CPUUtilization")], "Average"),
      graph(2, 0, "Manager: CPU credits", [ec2("CPUCreditBalance"), ec2("CPUSurplusCreditBalance")]),
      graph(0, 1, "Manager: data volume %", [own(hostMetrics.dataUsed)]),
      graph(1, 1, "Manager: network bytes", [ec2("NetworkIn"), ec2("NetworkOut")], "Sum"),
      graph(2, 1, "Manager: failed checks of EC2", [ec2("StatusCheckFailed")]),
      {
        type: "log",
        x: 0,
        y: 12,
        width: 24,
        height: 8,
        properties: {
          title: "Manager: what it says",
          region,
          query: `SOURCE '${group}' | fields @timestamp, @message | sort @timestamp desc | limit 100`,
          view: "table",
        },
      },
    ],
  };
};
