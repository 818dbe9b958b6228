/** The stand-in of AWS for the tests of one file, where every client of the SDK without an address of its own finds it. */
import {
  CreateLaunchTemplateCommand,
  CreateSecurityGroupCommand,
  DescribeSubnetsCommand,
  EC2Client,
} from "@aws-sdk/client-ec2";
import type { RequestLaunchTemplateData } from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, vi } from "vitest";
import type { AwsBackend } from "../../agent/manager-config.ts";
import { startAws, type Aws } from "../clouds/aws/aws.ts";

/** @returns what gives it, once the file's tests run */
export const withAws = (): (() => Aws) => {
  let aws: Aws;
  beforeAll(async () => {
    aws = await startAws();
    for (const [name, value] of Object.entries(aws.env)) vi.stubEnv(name, value);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await aws.close();
  });
  return () => aws;
};

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

/** An entry of a pool with a template of its own in the region's first network. */
export async function makeEntry(
  region: string,
  {
    template = {},
    ...over
  }: { template?: RequestLaunchTemplateData } & Partial<Omit<AwsBackend, "template">> = {},
): Promise<AwsBackend> {
  const ec2 = new EC2Client({ region });
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
