/** A bucket as every bucket of muster is: nobody's but the account's, encrypted, and spoken to over TLS only. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context.ts";

export interface PrivateBucketArgs {
  context: AwsContext;
  /** `manager` -> the bucket's name begins with `muster-dev-manager-`. */
  part: string;
  versioned: boolean;
  /** A destroy leaves it, with what is in it and with what keeps it private. Default false. */
  retain?: boolean;
  rules: aws.types.input.s3.BucketLifecycleConfigurationRule[];
}

export class PrivateBucket extends pulumi.ComponentResource {
  /** Its name. Known once what makes it private is in place: nothing is written before. */
  readonly bucket: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;

  constructor(name: string, args: PrivateBucketArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:PrivateBucket", name, {}, opts);
    const { context, part, versioned, retain = false, rules } = args;
    const { kmsKeyId } = context.settings;
    const inside = { parent: this, retainOnDelete: retain };
    const { id: bucket, arn } = new aws.s3.Bucket(
      name,
      // Names of buckets are the whole world's: AWS appends what makes this one unique. A destroy takes what is in it.
      { bucketPrefix: `${context.name(part)}-`, forceDestroy: !retain },
      inside,
    );
    const closed = [
      new aws.s3.BucketPublicAccessBlock(
        `${name}-closed`,
        {
          bucket,
          blockPublicAcls: true,
          blockPublicPolicy: true,
          ignorePublicAcls: true,
          restrictPublicBuckets: true,
        },
        inside,
      ),
      new aws.s3.BucketServerSideEncryptionConfiguration(
        `${name}-encryption`,
        {
          bucket,
          rules: [
            {
              applyServerSideEncryptionByDefault: kmsKeyId
                ? { sseAlgorithm: "aws:kms", kmsMasterKeyId: kmsKeyId }
                : { sseAlgorithm: "AES256" },
              // One call to the key service for many objects.
              bucketKeyEnabled: kmsKeyId !== null,
            },
          ],
        },
        inside,
      ),
      ...(versioned
        ? [
            new aws.s3.BucketVersioning(
              `${name}-versions`,
              { bucket, versioningConfiguration: { status: "Enabled" } },
              inside,
            ),
          ]
        : []),
    ];
    const policy = new aws.s3.BucketPolicy(
      `${name}-policy`,
      { bucket, policy: arn.apply((own) => JSON.stringify(tlsOnly(own))) },
      // S3 refuses changes of both at the same moment.
      { ...inside, dependsOn: closed },
    );
    if (rules.length > 0)
      new aws.s3.BucketLifecycleConfiguration(
        `${name}-lifecycle`,
        { bucket, rules },
        { ...inside, dependsOn: closed },
      );
    this.bucket = pulumi.all([bucket, policy.id]).apply(([own]) => own);
    this.arn = arn;
    this.registerOutputs();
  }
}

/** What the bucket's policy says: no call in clear, whoever makes it. */
export const tlsOnly = (arn: string) => ({
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "TlsOnly",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: [arn, `${arn}/*`],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ],
});
