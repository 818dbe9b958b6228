/** What one machine of a pool is made of, as a launch template says it; pure but for what Pulumi knows later. */
import type * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { imageId } from "./images.ts";
import type { AwsBackendSettings } from "./settings.ts";

export interface TemplateArgs {
  entry: AwsBackendSettings;
  /** At AWS. */
  name: string;
  kmsKeyId: string | null;
  groups: pulumi.Input<string>[];
  userData: pulumi.Input<string>;
  /** Of machines and their volumes. */
  machineTags: Readonly<Record<string, string>>;
}

/** Where Ubuntu's images, and those made of them, have their root volume. */
const rootDevice = "/dev/sda1";

/** What is not here is absent on purpose: a market, a key pair, an instance profile unless somebody insists on one. */
export const templateArgs = (args: TemplateArgs): aws.ec2.LaunchTemplateArgs => {
  const { entry, name, kmsKeyId, groups, userData, machineTags } = args;
  const fixed = entry.fixed > 0;
  return {
    name,
    imageId: imageId(entry.image),
    // Machines that are launched get theirs in the launching call, from all of the entry's types.
    ...(fixed && { instanceType: entry.types[0]!.name }),
    // A machine ends itself by powering off; one that always exists only stops.
    instanceInitiatedShutdownBehavior: fixed ? "stop" : "terminate",
    metadataOptions: {
      httpEndpoint: "enabled",
      httpTokens: "required",
      httpPutResponseHopLimit: 1,
      httpProtocolIpv6: "disabled",
      instanceMetadataTags: "disabled",
    },
    blockDeviceMappings: [
      {
        deviceName: rootDevice,
        ebs: {
          volumeType: "gp3",
          volumeSize: entry.diskGb,
          throughput: entry.diskThroughput,
          iops: entry.diskIops,
          encrypted: "true",
          deleteOnTermination: "true",
          ...(kmsKeyId !== null && { kmsKeyId }),
        },
      },
    ],
    vpcSecurityGroupIds: groups,
    ...(entry.instanceProfile !== null && { iamInstanceProfile: profile(entry.instanceProfile) }),
    userData: pulumi.output(userData).apply((text) => Buffer.from(text).toString("base64")),
    tagSpecifications: ["instance", "volume", "network-interface"].map((resourceType) => ({
      resourceType,
      tags: { ...machineTags },
    })),
    updateDefaultVersion: true,
  };
};

const profile = (given: string) => (given.startsWith("arn:") ? { arn: given } : { name: given });
