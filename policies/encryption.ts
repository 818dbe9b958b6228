/** Whatever keeps something, keeps it encrypted. */
import { ofType, violation, type Policy, type Resource, type Violation } from "./policy.ts";
import { refersTo } from "./links.ts";
import { isGiven, isOn, isSecret, isUnknown, list, plain } from "./values.ts";

const isEncrypted = (value: unknown) => isOn(plain(value)) || isUnknown(plain(value));

const templateProblem = (resource: Resource): string | null => {
  const devices = list(resource.inputs["blockDeviceMappings"]);
  // Without a mapping the image decides.
  if (devices.length === 0)
    return "says nothing of its volumes, so that the image decides whether they are encrypted";
  const open = devices.find((device) => list(device["ebs"]).some((ebs) => !isEncrypted(ebs["encrypted"])));
  return open === undefined ? null : `leaves ${String(plain(open["deviceName"]))} in clear`;
};

const instanceProblem = ({ inputs }: Resource): string | null => {
  const roots = list(inputs["rootBlockDevice"]);
  if (roots.length === 0 && !isGiven(inputs["launchTemplate"])) return "says nothing of its root volume";
  const open = [...roots, ...list(inputs["ebsBlockDevices"])].some(
    ({ encrypted }) => !isEncrypted(encrypted),
  );
  return open ? "has a volume in clear" : null;
};

export const volumes: Policy = {
  name: "volumes-encrypted",
  what: "Every volume is encrypted, those of launch templates as well.",
  why: "Disks hold what jobs fetched and made, and outlive the machines in snapshots.",
  scope: "resource",
  check: (resources) =>
    resources.flatMap((resource) => {
      const cure = "set encrypted: true";
      const { type, inputs } = resource;
      let problem: string | null = null;
      if (type === "aws:ebs/volume:Volume" && !isEncrypted(inputs["encrypted"])) problem = "is in clear";
      else if (type === "aws:ec2/launchTemplate:LaunchTemplate") problem = templateProblem(resource);
      else if (type === "aws:ec2/instance:Instance") problem = instanceProblem(resource);
      return problem === null ? [] : [violation(resource, problem, cure)];
    }),
};

const bucketTypes = ["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"];
const bucketEncryption = [
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
];

export const buckets: Policy = {
  name: "buckets-encrypted",
  what: "Every bucket says how its objects are encrypted.",
  why: "What a bucket is asked for holds for every object, whoever writes it.",
  scope: "stack",
  check: (resources) => {
    const configured = ofType(resources, ...bucketEncryption);
    return ofType(resources, ...bucketTypes)
      .filter(({ inputs }) => !isGiven(inputs["serverSideEncryptionConfiguration"]))
      .filter((bucket) => !configured.some((one) => refersTo(one, "bucket", bucket)))
      .map((bucket) =>
        violation(
          bucket,
          "says nothing of encryption",
          "add a BucketServerSideEncryptionConfiguration (AES256, or aws:kms with the stack's key)",
        ),
      );
  },
};

export const parameters: Policy = {
  name: "secret-parameters-secure",
  what: "Secrets in the parameter store are SecureStrings.",
  why: "A plain parameter is read by everybody who may describe the account, and is not encrypted.",
  scope: "resource",
  check: (resources) =>
    ofType(resources, "aws:ssm/parameter:Parameter")
      .filter(({ inputs }) => plain(inputs["type"]) !== "SecureString" && isSecret(inputs["value"]))
      .map((parameter) =>
        violation(parameter, "keeps a secret as a plain parameter", 'set type: "SecureString"'),
      ),
};

const usesKey = ({ type, inputs }: Resource): boolean =>
  isGiven(inputs["kmsKeyId"]) ||
  (type === "aws:ec2/launchTemplate:LaunchTemplate" &&
    list(inputs["blockDeviceMappings"]).some((device) =>
      list(device["ebs"]).some((ebs) => isGiven(ebs["kmsKeyId"])),
    ));

const keyed = (
  resources: readonly Resource[],
  type: string,
  input: "kmsKeyId" | "kmsMasterKeyId",
): Violation[] => {
  if (!resources.some((resource) => resource.type !== type && usesKey(resource))) return [];
  return ofType(resources, type)
    .filter(({ inputs }) => !isGiven(inputs[input]))
    .map((one) =>
      violation(one, "does not use the stack's own key", `set ${input} to the key in the settings`),
    );
};

/** AWS encrypts both on its disks anyway; its own key for SNS would keep alarms out, since its policy cannot be changed. */
export const ownKey: Policy = {
  name: "topics-and-logs-under-the-own-key",
  what: "Where a stack has a key of its own, its topics and log groups use it too.",
  why: "Whoever brings a key wants to be able to take everything away with it.",
  scope: "stack",
  check: (resources) => [
    ...keyed(resources, "aws:sns/topic:Topic", "kmsMasterKeyId"),
    ...keyed(resources, "aws:cloudwatch/logGroup:LogGroup", "kmsKeyId"),
  ],
};
