/** Who may reach whom: nothing calls a runner, and only the agents' port of the manager can be called. */
import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context.ts";

const world = "0.0.0.0/0";

/**
 * Out, everything over IPv4: jobs fetch from registries, clone over SSH, talk to databases; a job that may use port 443
 * can carry anything through it anyway. What it must not reach (metadata, the manager, neighbours), the firewall on the
 * machine forbids, since a security group cannot.
 */
export const runnersGroup = (
  name: string,
  context: AwsContext,
  vpcId: pulumi.Input<string>,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> => {
  const group = new aws.ec2.SecurityGroup(
    `${name}-runners`,
    {
      name: context.name("runners"),
      description: "Runners of muster: nothing comes in",
      vpcId,
      tags: { Name: context.name("runners") },
    },
    opts,
  );
  new aws.vpc.SecurityGroupEgressRule(
    `${name}-runners-out`,
    {
      securityGroupId: group.id,
      ipProtocol: "-1",
      cidrIpv4: world,
      description: "What jobs need of the internet",
    },
    opts,
  );
  return group.id;
};

export interface ManagerGroupArgs {
  context: AwsContext;
  vpcId: pulumi.Input<string>;
  /** The runners' group of this region. */
  runners: pulumi.Input<string>;
  /** Where agents call. */
  port: number;
  home: { public: boolean; peers: readonly string[]; ports: readonly number[] };
}

export const managerGroup = (
  name: string,
  { context, vpcId, runners, port, home }: ManagerGroupArgs,
  opts: pulumi.CustomResourceOptions,
): pulumi.Output<string> => {
  const group = new aws.ec2.SecurityGroup(
    `${name}-manager`,
    {
      name: context.name("manager"),
      description: "The manager of muster: only agents call it",
      vpcId,
      tags: { Name: context.name("manager") },
    },
    opts,
  );
  type Source = Pick<aws.vpc.SecurityGroupIngressRuleArgs, "cidrIpv4" | "referencedSecurityGroupId">;
  const admit = (part: string, description: string, source: Source) =>
    new aws.vpc.SecurityGroupIngressRule(
      `${name}-manager-${part}`,
      { securityGroupId: group.id, ipProtocol: "tcp", fromPort: port, toPort: port, description, ...source },
      opts,
    );
  admit("runners", "Agents of this region", { referencedSecurityGroupId: runners });
  // Another region's groups cannot be named here, its network can.
  for (const cidr of home.peers)
    admit(`peer-${cidr.split(".")[1]}`, `Agents of the peered network ${cidr}`, { cidrIpv4: cidr });
  if (home.public)
    admit(
      "public",
      "muster:manager.public: agents outside these networks; TLS, every call proves who it is",
      {
        cidrIpv4: world,
      },
    );
  for (const to of [...new Set([443, ...home.ports])])
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-manager-out-${to}`,
      {
        securityGroupId: group.id,
        ipProtocol: "tcp",
        fromPort: to,
        toPort: to,
        cidrIpv4: world,
        description: to === 443 ? "GitHub and AWS" : "The proxy, or GitHub",
      },
      opts,
    );
  return group.id;
};
