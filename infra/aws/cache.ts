/** The bucket of the jobs' cache, in the home region: private, encrypted, and emptied by age. */
import * as pulumi from "@pulumi/pulumi";
import { PrivateBucket } from "./bucket.ts";
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
    const { days, retain } = context.settings.cache;
    const expire = (id: string, prefix: string, after: number) => ({
      id,
      status: "Enabled",
      filter: { prefix },
      expiration: { days: after },
    });
    const { bucket, arn } = new PrivateBucket(
      `${name}-bucket`,
      {
        context,
        part: "cache",
        // Entries are never overwritten: a second version would only cost.
        versioned: false,
        retain,
        rules: [
          expire("cache", cachePrefix, days),
          expire("runner", runnerPrefix, runnerDays),
          {
            id: "unfinished",
            status: "Enabled",
            filter: {},
            abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
          },
        ],
      },
      { parent: this },
    );
    this.bucket = bucket;
    this.arn = arn;
    this.registerOutputs();
  }
}
