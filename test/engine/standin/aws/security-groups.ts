/** Who may talk to whom: SecurityGroup, DefaultSecurityGroup and their rules, each a resource of its own. */
import {
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  ModifySecurityGroupRulesCommand,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  type EC2Client,
  type IpPermission,
  type SecurityGroupRule,
} from "@aws-sdk/client-ec2";
import {
  ec2Of,
  given,
  nameOf,
  number,
  orNull,
  text,
  unlessGone,
  type Call,
  type Cloud,
  type CloudKind,
  type CloudKinds,
} from "./cloud.ts";
import { tagsOf, updateTags } from "./ec2.ts";

const rulesOf = async (ec2: EC2Client, groupId: string): Promise<SecurityGroupRule[]> => {
  const Filters = [{ Name: "group-id", Values: [groupId] }];
  return (await ec2.send(new DescribeSecurityGroupRulesCommand({ Filters }))).SecurityGroupRules ?? [];
};

/** moto's revoke by rule id knows not every rule; the permission itself always works. */
const permissionOf = (rule: SecurityGroupRule): IpPermission => ({
  ...given({ IpProtocol: rule.IpProtocol, FromPort: rule.FromPort, ToPort: rule.ToPort }),
  ...(rule.CidrIpv4 ? { IpRanges: [{ CidrIp: rule.CidrIpv4 }] } : {}),
  ...(rule.CidrIpv6 ? { Ipv6Ranges: [{ CidrIpv6: rule.CidrIpv6 }] } : {}),
  ...(rule.PrefixListId ? { PrefixListIds: [{ PrefixListId: rule.PrefixListId }] } : {}),
  ...(rule.ReferencedGroupInfo?.GroupId
    ? { UserIdGroupPairs: [{ GroupId: rule.ReferencedGroupInfo.GroupId }] }
    : {}),
});

const revoke = async (ec2: EC2Client, rule: SecurityGroupRule): Promise<void> => {
  const ask = { GroupId: rule.GroupId!, IpPermissions: [permissionOf(rule)] };
  await unlessGone((): Promise<unknown> =>
    rule.IsEgress
      ? ec2.send(new RevokeSecurityGroupEgressCommand(ask))
      : ec2.send(new RevokeSecurityGroupIngressCommand(ask)),
  );
};

const noInlineRules: NonNullable<CloudKind["check"]> = (inputs) =>
  ["ingress", "egress"]
    .filter((side) => Array.isArray(inputs[side]) && inputs[side].length > 0)
    .map((property) => ({ property, reason: "the stand-in makes rules only as resources of their own" }));

const groupOf = async (ec2: EC2Client, id: string) => {
  const ask = new DescribeSecurityGroupsCommand({ GroupIds: [id] });
  return (await orNull(() => ec2.send(ask)))?.SecurityGroups?.[0];
};

const permission = (call: Call): IpPermission => {
  const [cidrIpv4, cidrIpv6] = [text(call, "cidrIpv4"), text(call, "cidrIpv6")];
  const [prefixList, group] = [text(call, "prefixListId"), text(call, "referencedSecurityGroupId")];
  const described = given({ Description: text(call, "description") });
  return {
    IpProtocol: text(call, "ipProtocol")!,
    ...given({ FromPort: number(call, "fromPort"), ToPort: number(call, "toPort") }),
    ...(cidrIpv4 ? { IpRanges: [{ CidrIp: cidrIpv4, ...described }] } : {}),
    ...(cidrIpv6 ? { Ipv6Ranges: [{ CidrIpv6: cidrIpv6, ...described }] } : {}),
    ...(prefixList ? { PrefixListIds: [{ PrefixListId: prefixList, ...described }] } : {}),
    ...(group ? { UserIdGroupPairs: [{ GroupId: group, ...described }] } : {}),
  };
};

const ruleRequest = (call: Call) => ({
  IpProtocol: text(call, "ipProtocol")!,
  ...given({
    FromPort: number(call, "fromPort"),
    ToPort: number(call, "toPort"),
    CidrIpv4: text(call, "cidrIpv4"),
    CidrIpv6: text(call, "cidrIpv6"),
    PrefixListId: text(call, "prefixListId"),
    ReferencedGroupId: text(call, "referencedSecurityGroupId"),
    Description: text(call, "description"),
  }),
});

const sources = ["cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId"];

const rule = (cloud: Cloud, egress: boolean): CloudKind => ({
  replace: ["securityGroupId"],
  answers: ["securityGroupRuleId"],
  check: (inputs) =>
    sources.filter((source) => inputs[source] != null).length === 1
      ? []
      : [{ property: "cidrIpv4", reason: `exactly one of ${sources.join(", ")} must be given` }],
  create: async (call) => {
    const ec2 = await ec2Of(cloud, call);
    const ask = {
      GroupId: text(call, "securityGroupId")!,
      IpPermissions: [permission(call)],
      ...tagsOf(call, "security-group-rule"),
    };
    const made = egress
      ? await ec2.send(new AuthorizeSecurityGroupEgressCommand(ask))
      : await ec2.send(new AuthorizeSecurityGroupIngressCommand(ask));
    return made.SecurityGroupRules![0]!.SecurityGroupRuleId!;
  },
  read: async (call) => {
    const ec2 = await ec2Of(cloud, call);
    const groupId = (call.inputs["securityGroupId"] ?? call.olds["securityGroupId"]) as string;
    const rules = await orNull(() => rulesOf(ec2, groupId));
    const found = rules?.find(({ SecurityGroupRuleId }) => SecurityGroupRuleId === call.id);
    return found ? { securityGroupRuleId: call.id } : null;
  },
  update: async (call) => {
    const ec2 = await ec2Of(cloud, call);
    await ec2.send(
      new ModifySecurityGroupRulesCommand({
        GroupId: text(call, "securityGroupId")!,
        SecurityGroupRules: [{ SecurityGroupRuleId: call.id, SecurityGroupRule: ruleRequest(call) }],
      }),
    );
    await updateTags(ec2, call);
  },
  delete: async (call) => {
    const ec2 = await ec2Of(cloud, call);
    const rules = await orNull(() => rulesOf(ec2, call.olds["securityGroupId"] as string));
    const found = rules?.find(({ SecurityGroupRuleId }) => SecurityGroupRuleId === call.id);
    if (found) await revoke(ec2, found);
  },
});

export const securityGroupKinds = (cloud: Cloud): CloudKinds => ({
  "aws:ec2/securityGroup:SecurityGroup": {
    autoName: "name",
    defaults: { description: "Managed by Pulumi" },
    replace: ["name", "namePrefix", "description", "vpcId"],
    answers: ["name", "vpcId", "ownerId", "ingress", "egress"],
    check: noInlineRules,
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const made = await ec2.send(
        new CreateSecurityGroupCommand({
          GroupName: nameOf(call),
          Description: text(call, "description")!,
          ...given({ VpcId: text(call, "vpcId") }),
          ...tagsOf(call, "security-group"),
        }),
      );
      // As terraform does: the rule that AWS gives every group is taken away.
      for (const one of await rulesOf(ec2, made.GroupId!)) await revoke(ec2, one);
      return made.GroupId!;
    },
    read: async (call) => {
      const group = await groupOf(await ec2Of(cloud, call), call.id);
      if (!group) return null;
      // Rules are resources of their own: nothing of them is this resource's.
      return { name: group.GroupName, vpcId: group.VpcId, ownerId: group.OwnerId, ingress: [], egress: [] };
    },
    update: async (call) => updateTags(await ec2Of(cloud, call), call),
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      await unlessGone(() => ec2.send(new DeleteSecurityGroupCommand({ GroupId: call.id })));
    },
  },

  // It is adopted, emptied, and left when it is deleted, as the real provider does.
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": {
    replace: ["vpcId"],
    answers: ["name", "description", "vpcId", "ownerId"],
    check: noInlineRules,
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const Filters = [
        { Name: "vpc-id", Values: [text(call, "vpcId")!] },
        { Name: "group-name", Values: ["default"] },
      ];
      const found = await ec2.send(new DescribeSecurityGroupsCommand({ Filters }));
      call.id = found.SecurityGroups![0]!.GroupId!;
      for (const one of await rulesOf(ec2, call.id)) await revoke(ec2, one);
      await updateTags(ec2, call);
      return call.id;
    },
    read: async (call) => {
      const group = await groupOf(await ec2Of(cloud, call), call.id);
      if (!group) return null;
      return {
        name: group.GroupName,
        description: group.Description,
        vpcId: group.VpcId,
        ownerId: group.OwnerId,
      };
    },
    update: async (call) => updateTags(await ec2Of(cloud, call), call),
    delete: async () => {},
  },

  "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": rule(cloud, false),
  "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": rule(cloud, true),
});
