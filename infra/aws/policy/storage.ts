/** What the manager reads and keeps, and the customer's key for it. */
import { arns, unique } from "./arn.ts";
import type { ManagerPolicyArgs, Statement } from "./statement.ts";

export const storage = (args: ManagerPolicyArgs): Statement[] => {
  const arn = arns(args.region);
  const { manager, cache } = args.buckets;
  return [
    {
      // Hashes of its programs, and the secrets of this stack; no listing, so that a name must be known.
      Sid: "ReadOwnParameters",
      Effect: "Allow",
      Action: ["ssm:GetParameter", "ssm:GetParameters"],
      Resource: unique(args.parameters.map((name) => arn.parameter(args.region, name))),
    },
    {
      // Settings, programs, drain orders.
      Sid: "ReadWhatItRuns",
      Effect: "Allow",
      Action: ["s3:GetObject"],
      Resource: [arn.bucket(manager, "manager/*")],
    },
    {
      // How it is doing: the only thing it may write where its programs come from, so that it cannot change them.
      Sid: "WriteItsStatus",
      Effect: "Allow",
      Action: ["s3:PutObject"],
      Resource: [arn.bucket(manager, "status/*")],
    },
    {
      // Without it S3 says "denied" of an object that does not exist, such as a drain order.
      Sid: "TellMissingFromDenied",
      Effect: "Allow",
      Action: ["s3:ListBucket"],
      Resource: [arn.bucket(manager), arn.bucket(cache)],
    },
    {
      // The broker: URLs that it signs for jobs have its own rights; evictions; the runner archive's mirror.
      Sid: "ServeTheCache",
      Effect: "Allow",
      Action: [
        "s3:AbortMultipartUpload",
        "s3:DeleteObject",
        "s3:GetObject",
        "s3:ListMultipartUploadParts",
        "s3:PutObject",
      ],
      Resource: [arn.bucket(cache, "*")],
    },
  ];
};

export const keys = ({ region, places, kmsKeyId }: ManagerPolicyArgs): Statement[] => {
  if (kmsKeyId === null) return [];
  const Resource = [kmsKeyId];
  const ec2 = unique([region, ...places.map((place) => place.region)]).map((at) => `ec2.${at}.amazonaws.com`);
  const home = ["s3", "ssm"].map((service) => `${service}.${region}.amazonaws.com`);
  return [
    {
      // Volumes, objects and secrets under the customer's key, through EC2, S3 and SSM alone.
      Sid: "UseTheKeyThroughServices",
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
      Resource,
      Condition: { StringEquals: { "kms:ViaService": [...ec2, ...home] } },
    },
    {
      // EC2 keeps the right to use the key for as long as a machine has the volume.
      Sid: "LetEc2HoldTheKey",
      Effect: "Allow",
      Action: ["kms:CreateGrant"],
      Resource,
      Condition: {
        Bool: { "kms:GrantIsForAWSResource": "true" },
        StringEquals: { "kms:ViaService": ec2 },
      },
    },
  ];
};
