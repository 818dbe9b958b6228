/** The rights that docs/aws.md asks for cover every type of resource that the program makes, and no more than it must. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

interface Statement {
  Sid: string;
  Action: string | string[];
  Resource: string | string[];
}

const root = join(import.meta.dirname, "../..");
const text = readFileSync(join(root, "docs/aws-rights.json"), "utf8");
const { Statement: statements } = JSON.parse(text) as { Statement: Statement[] };
const listed = statements.flatMap(({ Action }) => Action);

/** Type -> what makes and what removes one. */
const needed: Record<string, readonly string[]> = {
  "cloudwatch.Dashboard": ["cloudwatch:PutDashboard", "cloudwatch:DeleteDashboards"],
  "cloudwatch.LogGroup": ["logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:DeleteLogGroup"],
  "cloudwatch.MetricAlarm": ["cloudwatch:PutMetricAlarm", "cloudwatch:DeleteAlarms"],
  "ebs.Volume": ["ec2:CreateVolume", "ec2:DeleteVolume"],
  "ec2.DefaultSecurityGroup": ["ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress"],
  "ec2.Eip": ["ec2:AllocateAddress", "ec2:AssociateAddress", "ec2:ReleaseAddress"],
  "ec2.Instance": ["ec2:RunInstances", "iam:PassRole", "ssm:GetParameters", "ec2:TerminateInstances"],
  "ec2.InternetGateway": [
    "ec2:CreateInternetGateway",
    "ec2:AttachInternetGateway",
    "ec2:DeleteInternetGateway",
  ],
  "ec2.LaunchTemplate": [
    "ec2:CreateLaunchTemplate",
    "ec2:CreateLaunchTemplateVersion",
    "ec2:DeleteLaunchTemplate",
  ],
  "ec2.NatGateway": ["ec2:CreateNatGateway", "ec2:DeleteNatGateway"],
  "ec2.NetworkInterface": ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"],
  "ec2.Route": ["ec2:CreateRoute", "ec2:DeleteRoute"],
  "ec2.RouteTable": ["ec2:CreateRouteTable", "ec2:DeleteRouteTable"],
  "ec2.RouteTableAssociation": ["ec2:AssociateRouteTable", "ec2:DisassociateRouteTable"],
  "ec2.SecurityGroup": ["ec2:CreateSecurityGroup", "ec2:DeleteSecurityGroup"],
  "ec2.Subnet": ["ec2:CreateSubnet", "ec2:ModifySubnetAttribute", "ec2:DeleteSubnet"],
  "ec2.VolumeAttachment": ["ec2:AttachVolume", "ec2:DetachVolume", "ec2:StopInstances"],
  "ec2.Vpc": ["ec2:CreateVpc", "ec2:ModifyVpcAttribute", "ec2:DeleteVpc"],
  "ec2.VpcEndpoint": ["ec2:CreateVpcEndpoint", "ec2:DeleteVpcEndpoints"],
  "ec2.VpcPeeringConnection": ["ec2:CreateVpcPeeringConnection", "ec2:DeleteVpcPeeringConnection"],
  "ec2.VpcPeeringConnectionAccepter": ["ec2:AcceptVpcPeeringConnection"],
  "iam.InstanceProfile": [
    "iam:CreateInstanceProfile",
    "iam:AddRoleToInstanceProfile",
    "iam:DeleteInstanceProfile",
  ],
  "iam.Role": ["iam:CreateRole", "iam:DeleteRole", "iam:PutRolePermissionsBoundary"],
  "iam.RolePolicy": ["iam:PutRolePolicy", "iam:DeleteRolePolicy"],
  "iam.ServiceLinkedRole": ["iam:CreateServiceLinkedRole"],
  "s3.Bucket": ["s3:CreateBucket", "s3:ListBucketVersions", "s3:DeleteBucket"],
  "s3.BucketLifecycleConfiguration": ["s3:PutLifecycleConfiguration"],
  "s3.BucketObjectv2": ["s3:PutObject", "s3:GetObject", "s3:DeleteObject"],
  "s3.BucketPolicy": ["s3:PutBucketPolicy", "s3:DeleteBucketPolicy"],
  "s3.BucketPublicAccessBlock": ["s3:PutBucketPublicAccessBlock"],
  "s3.BucketServerSideEncryptionConfiguration": ["s3:PutEncryptionConfiguration"],
  "s3.BucketVersioning": ["s3:PutBucketVersioning"],
  "sns.Topic": ["sns:CreateTopic", "sns:SetTopicAttributes", "sns:DeleteTopic"],
  "sns.TopicSubscription": ["sns:Subscribe", "sns:Unsubscribe"],
  "ssm.Parameter": ["ssm:PutParameter", "ssm:GetParameter", "ssm:DeleteParameter"],
  "vpc.SecurityGroupEgressRule": ["ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupEgress"],
  "vpc.SecurityGroupIngressRule": ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"],
};

const granted = (action: string) =>
  listed.some((entry) => (entry.endsWith("*") ? action.startsWith(entry.slice(0, -1)) : entry === action));
const used = new Set(
  globSync("infra/**/*.ts", { cwd: root }).flatMap((file) =>
    [...readFileSync(join(root, file), "utf8").matchAll(/new aws\.(\w+\.\w+)\(/g)].map(([, type]) => type!),
  ),
);

it("cover what makes and what removes each resource of the program", () => {
  expect(used.size).toBeGreaterThan(30);
  for (const type of used) {
    expect(needed[type], `${type} has no line in this test`).toBeDefined();
    expect(
      needed[type]!.filter((action) => !granted(action)),
      type,
    ).toEqual([]);
  }
});

it("give nothing away that AWS can tell by name", () => {
  const everywhere = statements.filter(({ Resource }) => Resource === "*").map(({ Sid }) => Sid);
  expect(everywhere).toEqual(["Look", "NetworksAndMachines"]);
  for (const action of listed) expect(action).toMatch(/^[a-z0-9]+:[A-Z][A-Za-z]+\*?$/);
});

it("fit into one policy of IAM", () => {
  expect(JSON.stringify(JSON.parse(text)).length).toBeLessThanOrEqual(6_144);
});
