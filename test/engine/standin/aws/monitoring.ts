/** What people see: LogGroup, MetricAlarm, Dashboard, and the SNS topic that alarms go to. */
import {
  DeleteAlarmsCommand,
  DeleteDashboardsCommand,
  DescribeAlarmsCommand,
  GetDashboardCommand,
  PutDashboardCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
} from "@aws-sdk/client-cloudwatch";
import {
  CreateLogGroupCommand,
  DeleteLogGroupCommand,
  DeleteRetentionPolicyCommand,
  DescribeLogGroupsCommand,
  PutRetentionPolicyCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateTopicCommand,
  DeleteTopicCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  SetTopicAttributesCommand,
  SubscribeCommand,
  UnsubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  capital,
  json,
  nameOf,
  number,
  orNull,
  regionOf,
  tagList,
  text,
  unlessGone,
  type Call,
  type Cloud,
  type CloudKind,
  type CloudKinds,
  type Props,
} from "./cloud.ts";

/** Names that differ from the API's in more than the first letter. */
const alarmInput = (call: Call): PutMetricAlarmCommandInput => {
  const { name, tags, dimensions, metricQueries, region: _region, ...rest } = call.inputs;
  const numbers = ["evaluationPeriods", "datapointsToAlarm", "period", "threshold"];
  const plain = Object.fromEntries(
    Object.entries(rest)
      .filter(([key, value]) => value != null && key !== "__defaults")
      .map(([key, value]) => [key, numbers.includes(key) ? Number(value) : value]),
  );
  const queries = metricQueries as Props[] | undefined;
  return {
    ...(capital(plain) as object),
    AlarmName: name as string,
    Tags: tagList(tags),
    ...(dimensions ? { Dimensions: dimensionList(dimensions) } : {}),
    ...(queries ? { Metrics: queries.map(metricQuery) } : {}),
  } as PutMetricAlarmCommandInput;
};
const dimensionList = (dimensions: unknown) =>
  Object.entries(dimensions as Record<string, string>).map(([Name, Value]) => ({ Name, Value }));
const metricQuery = ({ metric, ...query }: Props) => {
  if (!metric) return capital(query);
  const { metricName, namespace, dimensions, ...stat } = metric as Props;
  const Metric = {
    MetricName: metricName,
    Namespace: namespace,
    Dimensions: dimensionList(dimensions ?? {}),
  };
  return { ...(capital(query) as object), MetricStat: { ...(capital(stat) as object), Metric } };
};

const logGroup = (cloud: Cloud): CloudKind => {
  const logsOf = (call: Call) => cloud.clients("logs", regionOf(cloud, call));
  const retain = async (call: Call, logGroupName: string) => {
    const [logs, retentionInDays] = [await logsOf(call), number(call, "retentionInDays")];
    if (retentionInDays) await logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays }));
    else if (call.op === "update") await logs.send(new DeleteRetentionPolicyCommand({ logGroupName }));
  };
  return {
    autoName: "name",
    replace: ["name", "namePrefix", "logGroupClass"],
    answers: ["arn", "name"],
    create: async (call) => {
      const logGroupName = nameOf(call);
      const kmsKeyId = text(call, "kmsKeyId");
      await (
        await logsOf(call)
      ).send(
        new CreateLogGroupCommand({
          logGroupName,
          tags: (call.inputs["tags"] ?? {}) as Record<string, string>,
          ...(kmsKeyId ? { kmsKeyId } : {}),
        }),
      );
      await retain(call, logGroupName);
      return logGroupName;
    },
    read: async (call) => {
      const ask = new DescribeLogGroupsCommand({ logGroupNamePrefix: call.id });
      const found = await (await logsOf(call)).send(ask);
      const group = found.logGroups?.find(({ logGroupName }) => logGroupName === call.id);
      // The real provider's has no `:*` at its end.
      return group ? { arn: group.arn?.replace(/:\*$/, ""), name: group.logGroupName } : null;
    },
    update: (call) => retain(call, call.id),
    delete: async (call) => {
      const logs = await logsOf(call);
      await unlessGone(() => logs.send(new DeleteLogGroupCommand({ logGroupName: call.id })));
    },
  };
};

const alarm = (cloud: Cloud): CloudKind => {
  const watch = (call: Call) => cloud.clients("cloudwatch", regionOf(cloud, call));
  const put = async (call: Call) => {
    await (await watch(call)).send(new PutMetricAlarmCommand(alarmInput(call)));
    return text(call, "name")!;
  };
  return {
    autoName: "name",
    replace: ["name"],
    answers: ["arn"],
    create: put,
    update: put,
    read: async (call) => {
      const found = await (await watch(call)).send(new DescribeAlarmsCommand({ AlarmNames: [call.id] }));
      const [one] = found.MetricAlarms ?? [];
      return one ? { arn: one.AlarmArn } : null;
    },
    delete: async (call) => {
      const client = await watch(call);
      await unlessGone(() => client.send(new DeleteAlarmsCommand({ AlarmNames: [call.id] })));
    },
  };
};

const dashboard = (cloud: Cloud): CloudKind => {
  const watch = (call: Call) => cloud.clients("cloudwatch", regionOf(cloud, call));
  const put = async (call: Call) => {
    const DashboardName = text(call, "dashboardName")!;
    const DashboardBody = text(call, "dashboardBody")!;
    await (await watch(call)).send(new PutDashboardCommand({ DashboardName, DashboardBody }));
    return DashboardName;
  };
  return {
    replace: ["dashboardName"],
    answers: ["dashboardArn"],
    normal: { dashboardBody: json },
    create: put,
    update: put,
    read: async (call) => {
      const client = await watch(call);
      const found = await orNull(() => client.send(new GetDashboardCommand({ DashboardName: call.id })));
      return found ? { dashboardArn: found.DashboardArn } : null;
    },
    delete: async (call) => {
      const client = await watch(call);
      await unlessGone(() => client.send(new DeleteDashboardsCommand({ DashboardNames: [call.id] })));
    },
  };
};

const topicAttributes: Record<string, string> = {
  displayName: "DisplayName",
  kmsMasterKeyId: "KmsMasterKeyId",
  policy: "Policy",
};

const topic = (cloud: Cloud): CloudKind => {
  const snsOf = (call: Call) => cloud.clients("sns", regionOf(cloud, call));
  return {
    autoName: "name",
    replace: ["name", "namePrefix", "fifoTopic"],
    answers: ["arn", "name", "owner"],
    normal: { policy: json },
    create: async (call) => {
      const Attributes = Object.fromEntries(
        Object.entries(topicAttributes)
          .filter(([key]) => call.inputs[key] != null)
          .map(([key, name]) => [name, text(call, key)!]),
      );
      const ask = new CreateTopicCommand({
        Name: nameOf(call),
        Attributes,
        Tags: tagList(call.inputs["tags"]),
      });
      return (await (await snsOf(call)).send(ask)).TopicArn!;
    },
    read: async (call) => {
      const sns = await snsOf(call);
      const ask = new GetTopicAttributesCommand({ TopicArn: call.id });
      if (!(await orNull(() => sns.send(ask)))) return null;
      return { arn: call.id, name: call.id.split(":").at(-1), owner: cloud.account };
    },
    update: async (call) => {
      const sns = await snsOf(call);
      for (const [key, AttributeName] of Object.entries(topicAttributes))
        if (call.inputs[key] !== call.olds[key])
          await sns.send(
            new SetTopicAttributesCommand({
              TopicArn: call.id,
              AttributeName,
              AttributeValue: text(call, key) ?? "",
            }),
          );
    },
    delete: async (call) => {
      const sns = await snsOf(call);
      await unlessGone(() => sns.send(new DeleteTopicCommand({ TopicArn: call.id })));
    },
  };
};

/** A policy of its own. A delete gives back the one that every topic has, which moto knows by no name. */
const topicPolicy = (cloud: Cloud): CloudKind => {
  const put = async (call: Call) => {
    const sns = await cloud.clients("sns", regionOf(cloud, call));
    const TopicArn = text(call, "arn")!;
    const ask = { TopicArn, AttributeName: "Policy", AttributeValue: text(call, "policy")! };
    await sns.send(new SetTopicAttributesCommand(ask));
    return TopicArn;
  };
  return {
    replace: ["arn"],
    answers: ["owner"],
    normal: { policy: json },
    create: put,
    update: put,
    read: async (call) => {
      const sns = await cloud.clients("sns", regionOf(cloud, call));
      const found = await orNull(() => sns.send(new GetTopicAttributesCommand({ TopicArn: call.id })));
      return found ? { owner: cloud.account } : null;
    },
    delete: async () => {},
  };
};

const subscription = (cloud: Cloud): CloudKind => {
  const snsOf = (call: Call) => cloud.clients("sns", regionOf(cloud, call));
  return {
    replace: ["topic", "protocol", "endpoint"],
    answers: ["arn", "ownerId", "confirmationWasAuthenticated", "pendingConfirmation"],
    create: async (call) => {
      const ask = new SubscribeCommand({
        TopicArn: text(call, "topic")!,
        Protocol: text(call, "protocol")!,
        Endpoint: text(call, "endpoint")!,
        ReturnSubscriptionArn: true,
      });
      return (await (await snsOf(call)).send(ask)).SubscriptionArn!;
    },
    read: async (call) => {
      const sns = await snsOf(call);
      const TopicArn = (call.inputs["topic"] ?? call.olds["topic"]) as string;
      const found = await orNull(() => sns.send(new ListSubscriptionsByTopicCommand({ TopicArn })));
      if (!found?.Subscriptions?.some(({ SubscriptionArn }) => SubscriptionArn === call.id)) return null;
      // Of an address of mail: until somebody follows the link in it. moto waits for nobody.
      return {
        arn: call.id,
        ownerId: cloud.account,
        confirmationWasAuthenticated: false,
        pendingConfirmation: true,
      };
    },
    update: async () => {},
    delete: async (call) => {
      const sns = await snsOf(call);
      await unlessGone(() => sns.send(new UnsubscribeCommand({ SubscriptionArn: call.id })));
    },
  };
};

export const monitoringKinds = (cloud: Cloud): CloudKinds => ({
  "aws:cloudwatch/logGroup:LogGroup": logGroup(cloud),
  "aws:cloudwatch/metricAlarm:MetricAlarm": alarm(cloud),
  "aws:cloudwatch/dashboard:Dashboard": dashboard(cloud),
  "aws:sns/topic:Topic": topic(cloud),
  "aws:sns/topicPolicy:TopicPolicy": topicPolicy(cloud),
  "aws:sns/topicSubscription:TopicSubscription": subscription(cloud),
});
