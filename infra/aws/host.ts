/**
 * The manager's machine. Everything that changes reaches it through the store, so that it stands for years: only
 * another region or subnet replaces it, and another type stops and starts it. test/infra/aws/replacements.test.ts has
 * what each setting replaces.
 */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context.ts";
import { managerDisksGb } from "./disks.ts";
import { roles, roleTag } from "./tags.ts";

export interface HostArgs {
  context: AwsContext;
  /** Graviton. */
  type: string;
  /** Of the subnet: a volume can only be used in its own zone. */
  zone: string;
  /** It has the address. */
  interfaceId: pulumi.Input<string>;
  /** The role's policy, JSON. */
  policy: pulumi.Input<string>;
  /** In clear, constant, of the data volume's id. A changed one stops and starts the machine. */
  userData: (volume: pulumi.Output<string>) => pulumi.Input<string>;
  /** What has to be there before it starts, and until it is gone. */
  after: readonly pulumi.Resource[];
}

/** The newest Amazon Linux when the machine is made; `pulumi up --replace URN` takes a newer one. */
export const managerImage =
  "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64";

/** As the template names it; Nitro machines show it as NVMe, and Amazon Linux links this name to it. */
export const dataDevice = "/dev/sdf";

/** May become the role: EC2 for its machines. */
const trust = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

export class Host extends pulumi.ComponentResource {
  readonly instanceId: pulumi.Output<string>;
  readonly volumeId: pulumi.Output<string>;
  readonly roleArn: pulumi.Output<string>;
  /** For `pulumi up --replace`. */
  readonly instanceUrn: pulumi.Output<string>;

  constructor(name: string, args: HostArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:Host", name, {}, opts);
    const { context, type } = args;
    const { kmsKeyId, permissionsBoundary } = context.settings;
    const inside = { parent: this };
    const called = context.name("manager");
    const keyed = kmsKeyId ? { kmsKeyId } : {};

    const role = new aws.iam.Role(
      `${name}-role`,
      {
        name: called,
        assumeRolePolicy: trust,
        ...(permissionsBoundary && { permissionsBoundary }),
      },
      inside,
    );
    const policy = new aws.iam.RolePolicy(
      `${name}-policy`,
      { role: role.name, name: "manager", policy: args.policy },
      inside,
    );
    const profile = new aws.iam.InstanceProfile(`${name}-profile`, { name: called, role: role.name }, inside);

    // Journal and history, which outlive the machine. Losing them costs a pause of minutes and the charts, so a destroy
    // takes them along.
    const data = new aws.ebs.Volume(
      `${name}-data`,
      {
        availabilityZone: args.zone,
        type: "gp3",
        size: managerDisksGb.data,
        encrypted: true,
        ...keyed,
        tags: { Name: `${called}-data` },
      },
      inside,
    );
    const template = new aws.ec2.LaunchTemplate(
      `${name}-template`,
      {
        name: called,
        imageId: managerImage,
        iamInstanceProfile: { arn: profile.arn },
        metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
        maintenanceOptions: { autoRecovery: "default" },
        blockDeviceMappings: [
          {
            deviceName: "/dev/xvda",
            ebs: {
              volumeType: "gp3",
              volumeSize: managerDisksGb.root,
              encrypted: "true",
              deleteOnTermination: "true",
              ...keyed,
            },
          },
        ],
        // The root volume, which Pulumi does not know.
        tagSpecifications: [{ resourceType: "volume", tags: context.tags({ Name: called }) }],
      },
      inside,
    );
    const instance = new aws.ec2.Instance(
      `${name}-instance`,
      {
        // The image stands in the template and not here, or each newer one would replace the machine.
        launchTemplate: { id: template.id, version: template.latestVersion.apply(String) },
        instanceType: type,
        primaryNetworkInterface: { networkInterfaceId: args.interfaceId },
        userData: args.userData(data.id),
        // Burstable ones go on at full speed when their credits are used up, which costs cents and raises an alarm.
        ...(type.startsWith("t") && { creditSpecification: { cpuCredits: "unlimited" } }),
        tags: { Name: called, [roleTag]: roles.manager },
      },
      {
        ...inside,
        dependsOn: [policy, ...args.after],
        // The version that it was made from: another one would replace it.
        ignoreChanges: ["launchTemplate"],
        // Interface and volume serve one machine at a time.
        deleteBeforeReplace: true,
      },
    );
    new aws.ec2.VolumeAttachment(
      `${name}-attachment`,
      {
        deviceName: dataDevice,
        volumeId: data.id,
        instanceId: instance.id,
        // Data is written out before it goes.
        stopInstanceBeforeDetaching: true,
      },
      { ...inside, deleteBeforeReplace: true },
    );
    this.instanceId = instance.id;
    this.volumeId = data.id;
    this.roleArn = role.arn;
    this.instanceUrn = instance.urn;
    this.registerOutputs();
  }
}
