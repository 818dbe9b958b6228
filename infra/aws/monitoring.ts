/** Log, alarms to addresses of mail, and a dashboard. Which alarms there are is a table, alarms.ts. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { alarms, type AlarmFacts } from "./alarms.ts";
import { stackTag, type AwsContext } from "./context.ts";
import { dashboardBody } from "./dashboard.ts";

export interface MonitoringArgs {
  context: AwsContext;
  /** EC2's type of it, which decides whether it has CPU credits. */
  managerType: string;
  instanceId: pulumi.Input<string>;
}

/** What the manager says. */
export const logGroupName = (context: Pick<AwsContext, "name">): string => context.name("manager");

const retentionDays = 30;

export class Monitoring extends pulumi.ComponentResource {
  readonly logGroup: string;
  /** ARN of the SNS topic that alarms go to; null without addresses, where there are no alarms. */
  readonly alarmTopic: pulumi.Output<string> | null;
  readonly dashboard: string;

  constructor(name: string, args: MonitoringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:Monitoring", name, {}, opts);
    const { context, instanceId } = args;
    const { alarmsTo, kmsKeyId } = context.settings;
    const inside = { parent: this };
    const facts: AlarmFacts = {
      region: context.home,
      stack: context.tags()[stackTag]!,
      type: args.managerType,
    };

    const log = new aws.cloudwatch.LogGroup(
      `${name}-log`,
      { name: logGroupName(context), retentionInDays: retentionDays, ...(kmsKeyId && { kmsKeyId }) },
      inside,
    );
    this.logGroup = logGroupName(context);
    this.alarmTopic = null;
    if (alarmsTo.length > 0) {
      const topic = new aws.sns.Topic(
        `${name}-alarms`,
        {
          name: context.name("alarms"),
          // Without a key of the customer's, SNS's own encryption of its disks stays: alarms may not publish to a topic
          // under AWS's key for SNS, whose policy nobody can change.
          ...(kmsKeyId && { kmsMasterKeyId: kmsKeyId }),
        },
        inside,
      );
      this.alarmTopic = topic.arn;
      for (const address of alarmsTo)
        new aws.sns.TopicSubscription(
          `${name}-alarms-${address}`,
          { topic: topic.arn, protocol: "email", endpoint: address },
          inside,
        );
      for (const { key, dimensions, actions, ...alarm } of alarms(facts))
        new aws.cloudwatch.MetricAlarm(
          `${name}-${key}`,
          {
            name: context.name(key),
            ...alarm,
            dimensions: dimensions === "instance" ? { InstanceId: instanceId } : dimensions,
            alarmActions: [topic.arn, ...actions],
            okActions: [topic.arn],
          },
          inside,
        );
    }
    this.dashboard = context.name("overview");
    new aws.cloudwatch.Dashboard(
      `${name}-dashboard`,
      {
        dashboardName: this.dashboard,
        dashboardBody: pulumi
          .all([instanceId, log.name])
          .apply(([instance, group]) => JSON.stringify(dashboardBody({ ...facts, instance, group }))),
      },
      inside,
    );
    this.registerOutputs();
  }
}
