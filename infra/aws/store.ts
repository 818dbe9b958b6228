/**
 * What the manager's machine reads: a bucket of its own with programs and settings, and SSM parameters with the hashes
 * and the secrets. Apart from the cache, since whoever can write here decides what the manager runs.
 */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { ManagerConfig } from "../../agent/manager-config.ts";
import {
  currentKey,
  fileKey,
  githubHash,
  githubHashName,
  hostFileNames,
  type HostFileName,
} from "../../agent/manager-host.ts";
import type { Bundle } from "../bundle.ts";
import { PrivateBucket } from "./bucket.ts";
import type { AwsConfigArgs } from "./config.ts";
import type { AwsContext } from "./context.ts";
import type { NodeTarball } from "./node.ts";

export interface StoreArgs {
  context: AwsContext;
  /** Programs of the machine, built. */
  files: Readonly<Record<HostFileName, pulumi.Input<Bundle>>>;
  node: NodeTarball;
  /** As in `current`: who gets the credential. */
  github: ManagerConfig["github"];
  /** Secret of ManagerSecrets -> value, and the last part of its parameter's name. */
  secrets: Readonly<Record<string, { parameter: string; value: pulumi.Input<string> }>>;
  /** Secret of ManagerSecrets -> existing SSM parameter, in place of a value. */
  secretParameters: Readonly<Record<string, string>>;
  /** The content of `manager/current.json`. */
  current: (
    of: Pick<AwsConfigArgs, "secrets"> & { files: pulumi.Output<AwsConfigArgs["files"]> },
  ) => pulumi.Input<string>;
}

/** `/muster-dev`: the parameters' names begin with it. */
export const parameterPrefix = (context: Pick<AwsContext, "settings">): string =>
  `/${context.settings.namePrefix}`;

/** What lies in the bucket has no tags: the bucket has, and S3 allows an object ten, of which a team may have more. */
const untagged = { overrideProvider: { defaultTags: { tags: {} } } };

export class Store extends pulumi.ComponentResource {
  /** Its name. */
  readonly bucket: pulumi.Output<string>;
  readonly nodeKey: string;
  /** Names of the parameters that the manager must read. */
  readonly parameters: readonly string[];
  /** Secret of ManagerSecrets -> name of the parameter that holds it. */
  readonly secretNames: Readonly<Record<string, string>>;
  /** The parameters that the program makes for them. */
  readonly secrets: readonly pulumi.Resource[];
  /** What has to be there before the machine starts. */
  readonly contents: readonly pulumi.Resource[];

  constructor(name: string, args: StoreArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:Store", name, {}, opts);
    const { context, node } = args;
    const { kmsKeyId } = context.settings;
    const inside = { parent: this };
    const prefix = parameterPrefix(context);
    const keyed = kmsKeyId ? { keyId: kmsKeyId } : {};

    const store = new PrivateBucket(
      `${name}-bucket`,
      {
        context,
        part: "manager",
        versioned: true,
        rules: [
          {
            id: "earlier-settings",
            status: "Enabled",
            filter: {},
            noncurrentVersionExpiration: { noncurrentDays: 90 },
            abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
          },
        ],
      },
      inside,
    );
    // A file is never changed and never taken away while the bucket exists: a rollback, a machine that boots and a new
    // manager's machine ask for versions from before. A version is 2 MB; a destroy empties the bucket.
    const kept = { ...inside, retainOnDelete: true };
    const programs = hostFileNames.map((file) => {
      const program = pulumi.output(args.files[file]);
      return new aws.s3.BucketObjectv2(
        `${name}-${file}`,
        {
          bucket: store.bucket,
          key: program.apply(({ sha256 }) => fileKey(sha256, file)),
          source: program.apply(({ path }) => new pulumi.asset.FileAsset(path)),
          contentType: "text/javascript",
          ...untagged,
        },
        kept,
      );
    });
    this.nodeKey = fileKey(node.sha512, "node.tgz");
    const nodeObject = new aws.s3.BucketObjectv2(
      `${name}-node-${node.version}`,
      {
        bucket: store.bucket,
        key: this.nodeKey,
        source: node.path
          ? new pulumi.asset.FileAsset(node.path)
          : new pulumi.asset.StringAsset("fetched by pulumi up"),
        contentType: "application/gzip",
        ...untagged,
      },
      // The key says what it is: a preview, which does not fetch it, need not compare the bytes.
      { ...kept, ignoreChanges: ["source"] },
    );

    const files = pulumi
      .all(hostFileNames.map((file) => args.files[file]))
      .apply(
        (built) =>
          Object.fromEntries(hostFileNames.map((file, index) => [file, built[index]!.sha256])) as Record<
            HostFileName,
            string
          >,
      );
    const hashes = new aws.ssm.Parameter(
      `${name}-files`,
      {
        name: `${prefix}/files`,
        type: "String",
        // Not a secret: shown in previews, where it says whether programs change.
        insecureValue: files.apply((programs) =>
          JSON.stringify({ ...programs, [githubHashName]: githubHash(args.github) }),
        ),
        description: "SHA-256 of what the manager may run and of where it logs in; the bucket must agree",
      },
      { ...inside, dependsOn: programs },
    );
    const secretName = (parameter: string) => `${prefix}/secrets/${parameter}`;
    const secrets = Object.values(args.secrets).map(
      ({ parameter, value }) =>
        new aws.ssm.Parameter(
          `${name}-${parameter}`,
          { name: secretName(parameter), type: "SecureString", value: pulumi.secret(value), ...keyed },
          inside,
        ),
    );
    const secretNames = {
      ...Object.fromEntries(
        Object.entries(args.secrets).map(([secret, { parameter }]) => [secret, secretName(parameter)]),
      ),
      ...args.secretParameters,
    };
    const current = new aws.s3.BucketObjectv2(
      `${name}-current`,
      {
        bucket: store.bucket,
        key: currentKey,
        content: args.current({ files, secrets: secretNames }),
        contentType: "application/json",
        ...untagged,
      },
      // Last: what it names is there, and the manager takes it up within seconds.
      { ...inside, dependsOn: [...programs, hashes, ...secrets] },
    );
    this.bucket = store.bucket;
    this.secretNames = secretNames;
    this.secrets = secrets;
    this.parameters = [`${prefix}/files`, ...Object.values(secretNames)];
    this.contents = [...programs, nodeObject, hashes, ...secrets, current];
    this.registerOutputs();
  }
}
