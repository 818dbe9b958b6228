/** Bucket and what is set on one: each a resource of its own, whose delete sets it back. */
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketEncryptionCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketOwnershipControlsCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectsCommand,
  DeletePublicAccessBlockCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketOwnershipControlsCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  ListObjectVersionsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketOwnershipControlsCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutPublicAccessBlockCommand,
  type LifecycleRule,
  type S3Client,
  type ServerSideEncryptionRule,
} from "@aws-sdk/client-s3";
import {
  capital,
  flag,
  json,
  nameOf,
  orNull,
  regionOf,
  tagList,
  text,
  unlessGone,
  type Call,
  type Cloud,
  type CloudKind,
  type CloudKinds,
  type Props,
} from "./cloud.ts";

const s3Of = (cloud: Cloud, call: Call) => cloud.clients("s3", regionOf(cloud, call));

/** Versions and delete markers too: a bucket goes only when nothing is in it. */
const empty = async (s3: S3Client, Bucket: string): Promise<void> => {
  // moto fails at deleting versions where versioning is suspended, as it is once that setting has been destroyed.
  const { Status } = await s3.send(new GetBucketVersioningCommand({ Bucket }));
  if (Status === "Suspended")
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }));
  for (;;) {
    const found = await s3.send(new ListObjectVersionsCommand({ Bucket, MaxKeys: 1000 }));
    const all = [...(found.Versions ?? []), ...(found.DeleteMarkers ?? [])];
    if (all.length === 0) return;
    // moto takes a bucket whose versioning is suspended for one that never had any, and cannot empty it.
    const VersioningConfiguration = { Status: "Enabled" as const };
    await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
    const Objects = all.map(({ Key, VersionId }) => ({ Key: Key!, VersionId }));
    await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: Objects as { Key: string }[], Quiet: true } }),
    );
  }
};

const tagBucket = async (s3: S3Client, call: Call): Promise<void> => {
  const TagSet = tagList(call.inputs["tags"]);
  if (TagSet.length > 0) await s3.send(new PutBucketTaggingCommand({ Bucket: call.id, Tagging: { TagSet } }));
};

const bucketKind = (cloud: Cloud): CloudKind => ({
  autoName: "bucket",
  replace: ["bucket", "bucketPrefix", "objectLockEnabled"],
  answers: ["arn", "bucket", "bucketDomainName", "bucketRegionalDomainName", "hostedZoneId", "bucketRegion"],
  create: async (call) => {
    const s3 = await s3Of(cloud, call);
    const region = regionOf(cloud, call);
    call.id = nameOf(call, "bucket");
    const place =
      region === "us-east-1"
        ? {}
        : { CreateBucketConfiguration: { LocationConstraint: region as "eu-central-1" } };
    await s3.send(new CreateBucketCommand({ Bucket: call.id, ...place }));
    await tagBucket(s3, call);
    return call.id;
  },
  read: async (call) => {
    const s3 = await s3Of(cloud, call);
    if (!(await orNull(() => s3.send(new HeadBucketCommand({ Bucket: call.id }))))) return null;
    const region = regionOf(cloud, call);
    return {
      arn: `arn:aws:s3:::${call.id}`,
      bucket: call.id,
      bucketDomainName: `${call.id}.s3.amazonaws.com`,
      bucketRegionalDomainName: `${call.id}.s3.${region}.amazonaws.com`,
      hostedZoneId: "Z21DNDUVLTQW6Q",
      bucketRegion: region,
    };
  },
  update: async (call) => tagBucket(await s3Of(cloud, call), call),
  delete: async (call) => {
    const s3 = await s3Of(cloud, call);
    await unlessGone(async () => {
      if (call.olds["forceDestroy"] === true) await empty(s3, call.id);
      await s3.send(new DeleteBucketCommand({ Bucket: call.id }));
    });
  },
});

/** One of a bucket's settings, whose id is the bucket's name. */
const setting = (
  cloud: Cloud,
  of: {
    put: (s3: S3Client, call: Call, Bucket: string) => Promise<unknown>;
    get: (s3: S3Client, Bucket: string) => Promise<unknown>;
    remove: (s3: S3Client, Bucket: string) => Promise<unknown>;
    normal?: NonNullable<CloudKind["normal"]>;
  },
): CloudKind => {
  const put = async (call: Call) => {
    const bucket = text(call, "bucket")!;
    await of.put(await s3Of(cloud, call), call, bucket);
    return bucket;
  };
  return {
    replace: ["bucket"],
    answers: [],
    ...(of.normal && { normal: of.normal }),
    create: put,
    update: put,
    read: async (call) => {
      const s3 = await s3Of(cloud, call);
      return (await orNull(() => of.get(s3, call.id))) ? {} : null;
    },
    delete: async (call) => {
      const s3 = await s3Of(cloud, call);
      await unlessGone(() => of.remove(s3, call.id));
    },
  };
};

const encryptionRules = (call: Call): ServerSideEncryptionRule[] =>
  (call.inputs["rules"] as Props[]).map((rule) => {
    const standard = (rule["applyServerSideEncryptionByDefault"] ?? {}) as Props;
    return {
      ApplyServerSideEncryptionByDefault: {
        SSEAlgorithm: standard["sseAlgorithm"] as "AES256",
        ...(standard["kmsMasterKeyId"] ? { KMSMasterKeyID: standard["kmsMasterKeyId"] as string } : {}),
      },
      BucketKeyEnabled: rule["bucketKeyEnabled"] === true,
    };
  });

const lifecycleRules = (call: Call): LifecycleRule[] =>
  (call.inputs["rules"] as Props[]).map(({ id, ...rule }) => {
    const filter = Object.keys((rule["filter"] ?? {}) as Props).length > 0 ? rule["filter"] : { prefix: "" };
    return { ID: id as string, ...(capital({ ...rule, filter }) as object) } as LifecycleRule;
  });

/**
 * moto takes a condition that it cannot weigh (a call without TLS) for one that holds, and would deny everybody: such
 * statements are there for whoever reads the policy, with a principal that nobody is.
 */
const withoutEffect = (policy: string): string => {
  const { Statement, ...rest } = JSON.parse(policy) as { Statement: Props[] };
  const written = Statement.map((one) => (one["Condition"] ? { ...one, Principal: "nobody" } : one));
  return JSON.stringify({ ...rest, Statement: written });
};

export const s3Kinds = (cloud: Cloud): CloudKinds => ({
  "aws:s3/bucket:Bucket": bucketKind(cloud),

  "aws:s3/bucketVersioning:BucketVersioning": setting(cloud, {
    put: (s3, call, Bucket) => {
      const { status } = call.inputs["versioningConfiguration"] as { status: "Enabled" };
      return s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: status } }));
    },
    get: (s3, Bucket) => s3.send(new GetBucketVersioningCommand({ Bucket })),
    remove: (s3, Bucket) =>
      s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Suspended" } })),
  }),

  "aws:s3/bucketPolicy:BucketPolicy": setting(cloud, {
    normal: { policy: json },
    put: (s3, call, Bucket) =>
      s3.send(new PutBucketPolicyCommand({ Bucket, Policy: withoutEffect(text(call, "policy")!) })),
    get: (s3, Bucket) => s3.send(new GetBucketPolicyCommand({ Bucket })),
    remove: (s3, Bucket) => s3.send(new DeleteBucketPolicyCommand({ Bucket })),
  }),

  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": setting(cloud, {
    put: (s3, call, Bucket) =>
      s3.send(
        new PutPublicAccessBlockCommand({
          Bucket,
          PublicAccessBlockConfiguration: {
            BlockPublicAcls: flag(call, "blockPublicAcls") ?? false,
            BlockPublicPolicy: flag(call, "blockPublicPolicy") ?? false,
            IgnorePublicAcls: flag(call, "ignorePublicAcls") ?? false,
            RestrictPublicBuckets: flag(call, "restrictPublicBuckets") ?? false,
          },
        }),
      ),
    get: (s3, Bucket) => s3.send(new GetPublicAccessBlockCommand({ Bucket })),
    remove: (s3, Bucket) => s3.send(new DeletePublicAccessBlockCommand({ Bucket })),
  }),

  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": setting(cloud, {
    put: (s3, call, Bucket) =>
      s3.send(
        new PutBucketEncryptionCommand({
          Bucket,
          ServerSideEncryptionConfiguration: { Rules: encryptionRules(call) },
        }),
      ),
    get: (s3, Bucket) => s3.send(new GetBucketEncryptionCommand({ Bucket })),
    remove: (s3, Bucket) => s3.send(new DeleteBucketEncryptionCommand({ Bucket })),
  }),

  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": setting(cloud, {
    put: (s3, call, Bucket) =>
      s3.send(
        new PutBucketLifecycleConfigurationCommand({
          Bucket,
          LifecycleConfiguration: { Rules: lifecycleRules(call) },
        }),
      ),
    get: (s3, Bucket) => s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket })),
    remove: (s3, Bucket) => s3.send(new DeleteBucketLifecycleCommand({ Bucket })),
  }),

  "aws:s3/bucketOwnershipControls:BucketOwnershipControls": setting(cloud, {
    put: (s3, call, Bucket) => {
      const { objectOwnership } = call.inputs["rule"] as { objectOwnership: "BucketOwnerEnforced" };
      return s3.send(
        new PutBucketOwnershipControlsCommand({
          Bucket,
          OwnershipControls: { Rules: [{ ObjectOwnership: objectOwnership }] },
        }),
      );
    },
    get: (s3, Bucket) => s3.send(new GetBucketOwnershipControlsCommand({ Bucket })),
    remove: (s3, Bucket) => s3.send(new DeleteBucketOwnershipControlsCommand({ Bucket })),
  }),
});
