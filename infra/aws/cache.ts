/** The bucket of the jobs' cache, in the home region: private, encrypted, and emptied by age. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context.ts";

/** Below it lie the entries of jobs; each goes `cache.days` after its last write. */
export const cachePrefix = "cache/";
/** Below it lies GitHub's runner, once a version, so that a thousand machines fetch it from S3. */
export const runnerPrefix = "runner/";
/** Longer than GitHub accepts a version of its runner. */
const runnerDays = 45;

export interface CacheArgs {
  context: AwsContext;
}

export class Cache extends pulumi.ComponentResource {
  /** Its name. */
  readonly bucket: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;

  constructor(name: string, { context }: CacheArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:Cache", name, {}, opts);
    const { kmsKeyId, cache } = context.settings;
    // What is kept is kept as it is: a bucket that outlives its stack stays as private as before.
    const child = { parent: this, retainOnDelete: cache.retain };

    const made = new aws.s3.Bucket(
      name,
      { bucketPrefix: `${context.name("cache")}-`, forceDestroy: !cache.retain },
      child,
    );
    const bucket = made.bucket;
    const closed = new aws.s3.BucketPublicAccessBlock(
      name,
      {
        bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      child,
    );
    new aws.s3.BucketOwnershipControls(
      name,
      { bucket, rule: { objectOwnership: "BucketOwnerEnforced" } },
      child,
    );
    new aws.s3.BucketServerSideEncryptionConfiguration(
      name,
      {
        bucket,
        rules: [
          {
            applyServerSideEncryptionByDefault:
              kmsKeyId === null
                ? { sseAlgorithm: "AES256" }
                : { sseAlgorithm: "aws:kms", kmsMasterKeyId: kmsKeyId },
            // One call to KMS serves many objects.
            bucketKeyEnabled: kmsKeyId !== null,
          },
        ],
      },
      child,
    );
    const expire = (id: string, prefix: string, days: number) => ({
      id,
      status: "Enabled",
      filter: { prefix },
      expiration: { days },
    });
    new aws.s3.BucketLifecycleConfiguration(
      name,
      {
        bucket,
        rules: [
          expire("cache", cachePrefix, cache.days),
          expire("runner", runnerPrefix, runnerDays),
          {
            id: "unfinished",
            status: "Enabled",
            filter: { prefix: "" },
            abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
          },
        ],
      },
      child,
    );
    new aws.s3.BucketPolicy(
      name,
      { bucket, policy: pulumi.jsonStringify(tlsOnly(made.arn)) },
      // S3 refuses two changes of a bucket's access at a time.
      { ...child, dependsOn: [closed] },
    );
    this.bucket = bucket;
    this.arn = made.arn;
    this.registerOutputs();
  }
}

/** Nobody reads or writes it without TLS. */
export const tlsOnly = (arn: pulumi.Input<string>) => ({
  Version: "2012-10-17",
  Statement: [
    {
      Sid: "OnlyTls",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: [arn, pulumi.interpolate`${arn}/*`],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ],
});
