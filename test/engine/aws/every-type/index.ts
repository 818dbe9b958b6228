/** One resource of every type that the stand-ins know; its settings are what the tests change. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

const config = new pulumi.Config("every-type");
const disk = config.requireNumber("disk");

const homeRegion = "eu-central-1";
const defaultTags = { tags: { "muster:stack": "every-type/try" } };
const provider = new aws.Provider(homeRegion, { region: homeRegion, defaultTags });
const far = { provider: new aws.Provider("eu-west-1", { region: "eu-west-1", defaultTags }) };
const home = { provider };

// A network and one to peer with.
const vpc = new aws.ec2.Vpc("vpc", { cidrBlock: "10.64.0.0/16", enableDnsHostnames: true }, home);
const subnet = new aws.ec2.Subnet(
  "subnet",
  { vpcId: vpc.id, cidrBlock: "10.64.0.0/20", availabilityZone: "eu-central-1a", tags: { Name: "a" } },
  home,
);
const gateway = new aws.ec2.InternetGateway("gateway", { vpcId: vpc.id }, home);
const table = new aws.ec2.RouteTable("table", { vpcId: vpc.id }, home);
new aws.ec2.Route(
  "out",
  { routeTableId: table.id, destinationCidrBlock: "0.0.0.0/0", gatewayId: gateway.id },
  home,
);
new aws.ec2.RouteTableAssociation("association", { routeTableId: table.id, subnetId: subnet.id }, home);
const address = new aws.ec2.Eip("nat-address", { domain: "vpc" }, home);
new aws.ec2.NatGateway("nat", { subnetId: subnet.id, allocationId: address.id }, home);
new aws.ec2.VpcEndpoint(
  "s3",
  {
    vpcId: vpc.id,
    serviceName: `com.amazonaws.${homeRegion}.s3`,
    vpcEndpointType: "Gateway",
    routeTableIds: [table.id],
  },
  home,
);
const farVpc = new aws.ec2.Vpc("far-vpc", { cidrBlock: "10.65.0.0/16" }, far);
const peering = new aws.ec2.VpcPeeringConnection(
  "peering",
  { vpcId: vpc.id, peerVpcId: farVpc.id, peerRegion: "eu-west-1" },
  home,
);
const accepted = new aws.ec2.VpcPeeringConnectionAccepter(
  "accepted",
  { vpcPeeringConnectionId: peering.id, autoAccept: true },
  far,
);
new aws.ec2.Route(
  "to-far",
  { routeTableId: table.id, destinationCidrBlock: "10.65.0.0/16", vpcPeeringConnectionId: accepted.id },
  home,
);

// Who may talk to whom.
new aws.ec2.DefaultSecurityGroup("nobody", { vpcId: vpc.id }, home);
const group = new aws.ec2.SecurityGroup("group", { vpcId: vpc.id, description: "of the test" }, home);
new aws.vpc.SecurityGroupIngressRule(
  "in",
  {
    securityGroupId: group.id,
    referencedSecurityGroupId: group.id,
    ipProtocol: "tcp",
    fromPort: 443,
    toPort: 443,
  },
  home,
);
new aws.vpc.SecurityGroupEgressRule(
  "out-all",
  { securityGroupId: group.id, cidrIpv4: "0.0.0.0/0", ipProtocol: "-1" },
  home,
);

// A machine, its rights, its address and its disk.
const version = "2012-10-17";
const trust = JSON.stringify({
  Version: version,
  Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
});
const may = JSON.stringify({
  Version: version,
  Statement: [{ Effect: "Allow", Action: "ec2:DescribeInstances", Resource: "*" }],
});
const role = new aws.iam.Role("role", { assumeRolePolicy: trust }, home);
new aws.iam.RolePolicy("policy", { role: role.name, policy: may }, home);
const profile = new aws.iam.InstanceProfile("profile", { role: role.name }, home);
new aws.iam.ServiceLinkedRole("spot", { awsServiceName: "spot.amazonaws.com" }, home);
const template = new aws.ec2.LaunchTemplate(
  "template",
  {
    imageId: "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
    iamInstanceProfile: { arn: profile.arn },
    metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 },
    blockDeviceMappings: [
      { deviceName: "/dev/xvda", ebs: { volumeSize: disk, encrypted: "true", deleteOnTermination: "true" } },
    ],
    vpcSecurityGroupIds: [group.id],
    tagSpecifications: [{ resourceType: "volume", tags: { Name: "root" } }],
    updateDefaultVersion: true,
  },
  home,
);
const card = new aws.ec2.NetworkInterface("card", { subnetId: subnet.id, securityGroups: [group.id] }, home);
const instance = new aws.ec2.Instance(
  "instance",
  {
    launchTemplate: { id: template.id, version: template.latestVersion.apply(String) },
    instanceType: config.get("type") ?? "t4g.nano",
    primaryNetworkInterface: { networkInterfaceId: card.id },
    userData: config.get("userData") ?? "#!/bin/sh\n",
    tags: { Name: "instance" },
  },
  { ...home, ignoreChanges: ["launchTemplate"], deleteBeforeReplace: true },
);
const other = new aws.ec2.Instance(
  "other",
  { launchTemplate: { id: template.id, version: "$Latest" }, instanceType: "t4g.nano", subnetId: subnet.id },
  home,
);
const volume = new aws.ebs.Volume(
  "volume",
  { availabilityZone: "eu-central-1a", size: 8, type: "gp3", encrypted: true },
  home,
);
new aws.ec2.VolumeAttachment(
  "attachment",
  { deviceName: "/dev/sdf", volumeId: volume.id, instanceId: instance.id },
  home,
);
const elastic = new aws.ec2.Eip("address", { domain: "vpc" }, home);
new aws.ec2.EipAssociation("address", { allocationId: elastic.id, instanceId: other.id }, home);

const tlsOnly = (arn: pulumi.Input<string>) => ({
  Version: version,
  Statement: [
    {
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: [arn],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ],
});
const alarmsMayPublish = JSON.stringify({
  Version: version,
  Statement: [
    {
      Effect: "Allow",
      Principal: { Service: "cloudwatch.amazonaws.com" },
      Action: "sns:Publish",
      Resource: "*",
    },
  ],
});

// Buckets and what is set on them.
const bucket = new aws.s3.Bucket("bucket", { bucketPrefix: "every-type-", forceDestroy: true }, home);
const of = { bucket: bucket.bucket };
new aws.s3.BucketVersioning("versioning", { ...of, versioningConfiguration: { status: "Enabled" } }, home);
new aws.s3.BucketPublicAccessBlock("closed", { ...of, blockPublicAcls: true, blockPublicPolicy: true }, home);
new aws.s3.BucketPolicy("bucket-policy", { ...of, policy: pulumi.jsonStringify(tlsOnly(bucket.arn)) }, home);
new aws.s3.BucketServerSideEncryptionConfiguration(
  "encryption",
  { ...of, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
  home,
);
new aws.s3.BucketLifecycleConfiguration(
  "lifecycle",
  { ...of, rules: [{ id: "old", status: "Enabled", filter: { prefix: "cache/" }, expiration: { days: 9 } }] },
  home,
);
new aws.s3.BucketOwnershipControls(
  "ownership",
  { ...of, rule: { objectOwnership: "BucketOwnerEnforced" } },
  home,
);
const content = config.get("content") ?? "1";
const object = new aws.s3.BucketObjectv2("object", { ...of, key: "a/b.json", content }, home);

// Values, logs, alarms.
const secret = new aws.ssm.Parameter(
  "secret",
  { name: "/every-type/secret", type: "SecureString", value: config.requireSecret("secret") },
  home,
);
new aws.ssm.Parameter("plain", { name: "/every-type/plain", type: "String", insecureValue: content }, home);
const log = new aws.cloudwatch.LogGroup("log", { retentionInDays: 30 }, home);
const topic = new aws.sns.Topic("topic", { displayName: "alarms" }, home);
new aws.sns.TopicPolicy("topic", { arn: topic.arn, policy: alarmsMayPublish }, home);
new aws.sns.TopicSubscription(
  "mail",
  { topic: topic.arn, protocol: "email", endpoint: "team@example.com" },
  home,
);
new aws.cloudwatch.MetricAlarm(
  "alarm",
  {
    comparisonOperator: "GreaterThanThreshold",
    evaluationPeriods: 1,
    metricName: "StatusCheckFailed",
    namespace: "AWS/EC2",
    period: 60,
    statistic: "Maximum",
    threshold: 0,
    dimensions: { InstanceId: instance.id },
    alarmActions: [topic.arn],
  },
  home,
);
new aws.cloudwatch.Dashboard(
  "dashboard",
  { dashboardName: "every-type", dashboardBody: pulumi.jsonStringify({ widgets: [], log: log.name }) },
  home,
);

// A CA and a certificate that it signs.
const tlsProvider = { provider: new tls.Provider("tls") };
const p256 = { algorithm: "ECDSA", ecdsaCurve: "P256" };
const caKey = new tls.PrivateKey("ca-key", p256, tlsProvider);
const ca = new tls.SelfSignedCert(
  "ca",
  {
    privateKeyPem: caKey.privateKeyPem,
    subject: { commonName: "every-type CA" },
    isCaCertificate: true,
    setSubjectKeyId: true,
    allowedUses: ["cert_signing", "crl_signing"],
    validityPeriodHours: 24,
  },
  tlsProvider,
);
const key = new tls.PrivateKey("key", p256, tlsProvider);
const request = new tls.CertRequest(
  "request",
  { privateKeyPem: key.privateKeyPem, subject: { commonName: "leaf" }, ipAddresses: ["127.0.0.1"] },
  tlsProvider,
);
const leaf = new tls.LocallySignedCert(
  "leaf",
  {
    certRequestPem: request.certRequestPem,
    caPrivateKeyPem: caKey.privateKeyPem,
    caCertPem: ca.certPem,
    allowedUses: ["digital_signature", "server_auth"],
    validityPeriodHours: 24,
  },
  tlsProvider,
);

export const templateId = template.id;
export const latestVersion = template.latestVersion;
export const instanceId = instance.id;
export const bucketName = bucket.bucket;
export const etag = object.etag;
export const caPem = ca.certPem;
export const leafPem = leaf.certPem;
export const leafKey = key.privateKeyPem;
export const secretValue = secret.value;
export const vpcTags = vpc.tagsAll;
