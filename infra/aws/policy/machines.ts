/** Machines that exist: looked at, ended, stopped. */
import { roles, roleTag, stackTag } from "../tags.ts";
import { arns, unique } from "./arn.ts";
import type { ManagerPolicyArgs, Statement } from "./statement.ts";

export const machines = (args: ManagerPolicyArgs): Statement[] => {
  const arn = arns(args.region);
  const regions = unique([args.region, ...args.places.map(({ region }) => region)]);
  const instances = regions.map((region) => arn.ec2(region, "instance/*"));
  const ours = { [`aws:ResourceTag/${stackTag}`]: args.stack };
  const role = `aws:ResourceTag/${roleTag}`;
  return [
    {
      // What exists, its state, spot prices and what zones offer. EC2 knows no narrower right to look.
      Sid: "SeeMachinesAndPrices",
      Effect: "Allow",
      Action: [
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeInstanceTypeOfferings",
        "ec2:DescribeSpotInstanceRequests",
        "ec2:DescribeSpotPriceHistory",
      ],
      Resource: ["*"],
      Condition: { StringEquals: { "aws:RequestedRegion": regions } },
    },
    {
      // Ends what was launched for jobs: never another stack's, nor the manager itself, nor machines that always exist.
      Sid: "EndOwnMachines",
      Effect: "Allow",
      Action: ["ec2:TerminateInstances"],
      Resource: instances,
      Condition: { StringEquals: ours, StringNotEquals: { [role]: [roles.fixed, roles.manager] } },
    },
    {
      // Machines that always exist are never ended: one that shall not go on as it is is stopped, and started for a job.
      Sid: "StopAndStartFixedMachines",
      Effect: "Allow",
      Action: ["ec2:StartInstances", "ec2:StopInstances"],
      Resource: instances,
      Condition: { StringEquals: { ...ours, [role]: roles.fixed } },
    },
    {
      // Why a machine never called: its console, kept before it goes.
      Sid: "ReadOwnConsoles",
      Effect: "Allow",
      Action: ["ec2:GetConsoleOutput"],
      Resource: instances,
      Condition: { StringEquals: ours },
    },
  ];
};
