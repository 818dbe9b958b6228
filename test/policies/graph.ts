/** A small stack in which everything is as it should be, and copies of it in which one thing is not. */
import type { Resource } from "../../policies/policy.ts";
import { secret } from "../../policies/values.ts";

const stack = "urn:pulumi:dev::muster";
const provider = `${stack}::pulumi:providers:aws::eu-central-1`;

/** @param path components that hold it, then its type, joined by `$` */
export const resource = (path: string, name: string, inputs: Record<string, unknown>): Resource => ({
  type: path.split("$").at(-1)!,
  name,
  urn: `${stack}::${path}::${name}`,
  provider: path.includes("aws:") && !path.startsWith("pulumi:") ? provider : null,
  inputs,
  outputs: {},
  dependencies: {},
});

const machines = {
  metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
  blockDeviceMappings: [{ deviceName: "/dev/sda1", ebs: { encrypted: "true", kmsKeyId: "key-1" } }],
  tagSpecifications: ["instance", "volume", "network-interface"].map((resourceType) => ({
    resourceType,
    tags: { "muster:stack": "muster/dev" },
  })),
};
const bucketArn = "arn:aws:s3:::muster-dev-cache";
export const tlsPolicy = JSON.stringify({
  Statement: {
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: [bucketArn, `${bucketArn}/*`],
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  },
});
const trust = JSON.stringify({
  Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

const pool = "muster:aws:Pool$aws:ec2/launchTemplate:LaunchTemplate";
const manager = "muster:aws:Manager";
const network = "muster:aws:Network";
const cache = "muster:aws:Cache";
const monitoring = "muster:aws:Monitoring";

/** Every kind that a policy looks at, as it should be. */
export const goodStack = (): Resource[] => [
  { ...resource("pulumi:pulumi:Stack", "muster-dev", {}), outputs: { address: "10.64.0.10" } },
  resource("pulumi:providers:aws", "eu-central-1", {
    region: "eu-central-1",
    // The engine hands a provider's inputs over as JSON text.
    defaultTags: JSON.stringify({ tags: { "muster:stack": "muster/dev" } }),
  }),
  resource(`${network}$aws:ec2/securityGroup:SecurityGroup`, "group", { description: "runners" }),
  resource(`${network}$aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule`, "home-manager-public", {
    ipProtocol: "tcp",
    fromPort: 7118,
    toPort: 7118,
    cidrIpv4: "0.0.0.0/0",
  }),
  resource(`${network}$aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule`, "home-manager-peer-65", {
    ipProtocol: "tcp",
    fromPort: 7118,
    toPort: 7118,
    cidrIpv4: "10.65.0.0/16",
  }),
  resource(`${network}$aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule`, "home-runners-out", {
    ipProtocol: "-1",
    cidrIpv4: "0.0.0.0/0",
  }),
  resource(`${network}$aws:ec2/route:Route`, "out", { destinationCidrBlock: "0.0.0.0/0" }),
  resource(pool, "arm64-spot", machines),
  resource(`${manager}$aws:ec2/launchTemplate:LaunchTemplate`, "manager-lt", {
    ...machines,
    iamInstanceProfile: { name: "muster-dev-manager" },
  }),
  resource(`${manager}$aws:ec2/instance:Instance`, "manager", { launchTemplate: { id: "lt-1" } }),
  resource(`${manager}$aws:ebs/volume:Volume`, "manager-volume", { encrypted: true, kmsKeyId: "key-1" }),
  resource(`${manager}$aws:iam/role:Role`, "manager-role", { assumeRolePolicy: trust }),
  resource(`${manager}$aws:ssm/parameter:Parameter`, "manager-token", {
    type: "SecureString",
    value: secret("the-token-itself"),
  }),
  resource(`${manager}$aws:ssm/parameter:Parameter`, "manager-bundle", { type: "String", value: "c0ffee" }),
  resource(`${cache}$aws:s3/bucket:Bucket`, "cache", { bucket: "muster-dev-cache" }),
  resource(`${cache}$aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock`, "cache-private", {
    bucket: "muster-dev-cache",
    blockPublicAcls: true,
    blockPublicPolicy: true,
    ignorePublicAcls: true,
    restrictPublicBuckets: true,
  }),
  resource(`${cache}$aws:s3/bucketPolicy:BucketPolicy`, "cache-policy", {
    bucket: "muster-dev-cache",
    policy: tlsPolicy,
  }),
  resource(
    `${cache}$aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration`,
    "cache-encryption",
    { bucket: "muster-dev-cache", rules: [{}] },
  ),
  resource(`${monitoring}$aws:sns/topic:Topic`, "alarms", { kmsMasterKeyId: "key-1" }),
  resource(`${monitoring}$aws:cloudwatch/logGroup:LogGroup`, "logs", { kmsKeyId: "key-1" }),
  resource(`${manager}$tls:index/privateKey:PrivateKey`, "ca", { algorithm: "ECDSA" }),
];

/** The good stack with other inputs of one resource; null takes the resource out. */
export const withInputs = (name: string, inputs: Record<string, unknown> | null): Resource[] => {
  const resources = goodStack();
  if (!resources.some((one) => one.name === name)) throw new Error(`the good stack has no ${name}`);
  return resources.flatMap((one) => {
    if (one.name !== name) return [one];
    return inputs === null ? [] : [{ ...one, inputs: { ...one.inputs, ...inputs } }];
  });
};
