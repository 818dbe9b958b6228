/** What `pulumi up` leaves at EC2 for an entry of a pool, as far as launches need it. */
import {
  CreateLaunchTemplateCommand,
  CreateSecurityGroupCommand,
  DescribeSubnetsCommand,
  EC2Client,
  type EC2ClientConfig,
  type RequestLaunchTemplateData,
} from "@aws-sdk/client-ec2";
import type { AwsBackend } from "../../../agent/manager-config.ts";

/** What infra/aws/template.ts makes of an entry, as far as EC2's stand-in looks at it. */
export const templateData = (securityGroup: string): RequestLaunchTemplateData => ({
  ImageId: "ami-12345678",
  InstanceInitiatedShutdownBehavior: "terminate",
  MetadataOptions: { HttpEndpoint: "enabled", HttpTokens: "required", HttpPutResponseHopLimit: 1 },
  BlockDeviceMappings: [
    {
      DeviceName: "/dev/sda1",
      Ebs: { VolumeType: "gp3", VolumeSize: 20, Encrypted: true, DeleteOnTermination: true },
    },
  ],
  SecurityGroupIds: [securityGroup],
  UserData: Buffer.from("#cloud-config\n").toString("base64"),
});

/** An entry of a pool with a template of its own in the region's first network. `options`: where the environment names no endpoint. */
export async function makeEntry(
  region: string,
  {
    template = {},
    ...over
  }: { template?: RequestLaunchTemplateData } & Partial<Omit<AwsBackend, "template">> = {},
  options: EC2ClientConfig = {},
): Promise<AwsBackend> {
  const ec2 = new EC2Client({ region, ...options });
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
  const name = `muster-test-${Math.random().toString(36).slice(2)}`;
  const group = { GroupName: name, Description: "runners", VpcId: Subnets[0]!.VpcId! };
  const { GroupId } = await ec2.send(new CreateSecurityGroupCommand(group));
  const { LaunchTemplate } = await ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: name,
      LaunchTemplateData: { ...templateData(GroupId!), ...template },
    }),
  );
  ec2.destroy();
  return {
    ...{ kind: "aws", name: `spot-${region}`, region, market: "spot", besideMicrosPerHour: 0, fixed: [] },
    types: ["c7g.2xlarge", "m7g.2xlarge"].map((name) => ({
      ...{ name, cores: 8, memoryMb: 16_384, gpus: 0, microsPerHour: 100_000, currency: "USD" },
    })),
    template: { id: LaunchTemplate!.LaunchTemplateId!, version: 1 },
    subnets: Subnets.map(({ SubnetId, AvailabilityZone }) => ({ id: SubnetId!, zone: AvailabilityZone! })),
    ...over,
  };
}
