/** The alarms of a stack: one table. A row is worth a mail at night: something stands still, or soon will. */
import { hostMetrics } from "../../agent/manager-host.ts";
import { partitionOf } from "./partition.ts";

export interface AlarmFacts {
  /** The manager's. */
  region: string;
  /** `PROJECT/STACK`. */
  stack: string;
  /** EC2's type of the manager's machine. */
  type: string;
}

export interface Alarm {
  /** Part of its name. */
  key: string;
  /** What it means and what to do: the text of the mail. */
  alarmDescription: string;
  namespace: string;
  metricName: string;
  /** `instance`: the manager's machine. */
  dimensions: "instance" | Record<string, string>;
  statistic: "Average" | "Maximum" | "Minimum" | "Sum";
  comparisonOperator: "GreaterThanThreshold" | "LessThanThreshold";
  threshold: number;
  /** Seconds. */
  period: number;
  evaluationPeriods: number;
  treatMissingData: "breaching" | "missing" | "notBreaching";
  /** ARNs, besides the topic. */
  actions: readonly string[];
}

const ec2 = { namespace: "AWS/EC2", dimensions: "instance", period: 60, actions: [] } as const;

/** Sizes of T machines earn credits: what they may use above their baseline. */
const burstable = (type: string) => /^t\d/.test(type);

export const alarms = ({ region, stack, type }: AlarmFacts): Alarm[] => {
  const own = {
    namespace: hostMetrics.namespace(stack),
    dimensions: { [hostMetrics.dimension]: stack },
    period: 60,
    actions: [],
  };
  return [
    {
      ...own,
      key: "manager-silent",
      alarmDescription:
        "The manager has not been healthy for 5 minutes: running jobs go on, new ones wait. See its log, or `muster doctor`.",
      metricName: hostMetrics.heartbeat,
      statistic: "Maximum",
      comparisonOperator: "LessThanThreshold",
      threshold: 1,
      evaluationPeriods: 5,
      // A machine that is gone says nothing.
      treatMissingData: "breaching",
    },
    {
      ...ec2,
      key: "manager-hardware",
      alarmDescription:
        "EC2 says that the hardware below the manager is faulty; the machine is moved to other hardware, with its address and its data.",
      metricName: "StatusCheckFailed_System",
      statistic: "Maximum",
      comparisonOperator: "GreaterThanThreshold",
      threshold: 0,
      evaluationPeriods: 2,
      treatMissingData: "missing",
      actions: [`arn:${partitionOf(region)}:automate:${region}:ec2:recover`],
    },
    {
      ...ec2,
      key: "manager-unreachable",
      alarmDescription:
        "The manager's machine does not answer EC2 for 5 minutes: its system hangs. Restart it (aws ec2 reboot-instances), or `pulumi up --replace` it.",
      metricName: "StatusCheckFailed_Instance",
      statistic: "Maximum",
      comparisonOperator: "GreaterThanThreshold",
      threshold: 0,
      evaluationPeriods: 5,
      treatMissingData: "missing",
    },
    {
      ...own,
      key: "manager-disk",
      alarmDescription:
        "The manager's data volume is 80 % full. At 100 % nothing is launched. Raise its size, or look for what fills it.",
      metricName: hostMetrics.dataUsed,
      statistic: "Maximum",
      comparisonOperator: "GreaterThanThreshold",
      threshold: 80,
      evaluationPeriods: 5,
      treatMissingData: "missing",
    },
    ...(burstable(type)
      ? [
          {
            ...ec2,
            key: "manager-credits",
            alarmDescription: `The manager (${type}) has used up its CPU credits and is billed for more; a larger type is cheaper when this lasts (muster:manager type).`,
            metricName: "CPUCreditBalance",
            statistic: "Minimum",
            comparisonOperator: "LessThanThreshold",
            threshold: 1,
            // Credits are counted every 5 minutes. A new machine starts with few and earns them within the hour.
            period: 300,
            evaluationPeriods: 12,
            treatMissingData: "missing",
          } as const,
        ]
      : []),
  ];
};
