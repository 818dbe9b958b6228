/** What makes the manager visible, and its machine reachable. */
import { hostMetrics } from "../../../agent/manager-host.ts";
import { arns } from "./arn.ts";
import type { ManagerPolicyArgs, Statement } from "./statement.ts";

export const operation = ({ region, stack, logGroup }: ManagerPolicyArgs): Statement[] => [
  {
    // Heartbeat and the like, which this stack's alarms look at, and no other's.
    Sid: "PutOwnMetrics",
    Effect: "Allow",
    Action: ["cloudwatch:PutMetricData"],
    Resource: ["*"],
    Condition: { StringEquals: { "cloudwatch:namespace": hostMetrics.namespace(stack) } },
  },
  {
    // Its journal; the group is the program's.
    Sid: "WriteItsLog",
    Effect: "Allow",
    Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
    Resource: [arns(region).logs(logGroup)],
  },
  {
    // Session Manager, in place of SSH: what its documentation names, without AmazonSSMManagedInstanceCore's reading of
    // every parameter. AWS knows no narrower resource for these.
    Sid: "BeReachedBySessionManager",
    Effect: "Allow",
    Action: [
      "ssm:UpdateInstanceInformation",
      "ssmmessages:CreateControlChannel",
      "ssmmessages:CreateDataChannel",
      "ssmmessages:OpenControlChannel",
      "ssmmessages:OpenDataChannel",
    ],
    Resource: ["*"],
  },
];
