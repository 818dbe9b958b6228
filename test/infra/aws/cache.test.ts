import { expect, test } from "vitest";
import { Cache } from "../../../infra/aws/cache.ts";
import { contextOf, graphOf } from "./graph.ts";

const cacheOf = (over: Parameters<typeof contextOf>[0] = {}) =>
  graphOf(() => {
    const { bucket, arn } = new Cache("c", { context: contextOf(over) });
    return { bucket, arn };
  });

test("the bucket is nobody else's", async () => {
  const graph = await cacheOf();
  expect(graph.all("s3/bucketPublicAccessBlock:BucketPublicAccessBlock").map(({ inputs }) => inputs)).toEqual(
    [
      {
        bucket: "muster-dev-cache-1",
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
    ],
  );
  const policy = JSON.parse(graph.all("s3/bucketPolicy:BucketPolicy")[0]!.inputs.policy);
  expect(policy.Statement).toMatchObject([
    {
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: ["arn:aws:s3:::muster-dev-cache-1", "arn:aws:s3:::muster-dev-cache-1/*"],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
  ]);
  expect(graph.result.bucket).toBe("muster-dev-cache-1");
});

const encryption = "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration";

test("it is encrypted, with the customer's key where there is one", async () => {
  const rule = async (kmsKeyId: string | null) =>
    (await cacheOf({ kmsKeyId })).all(encryption)[0]!.inputs.rules[0].applyServerSideEncryptionByDefault;
  expect(await rule(null)).toEqual({ sseAlgorithm: "AES256" });
  expect(await rule("key")).toEqual({ sseAlgorithm: "aws:kms", kmsMasterKeyId: "key" });
});

test("entries go after the days of the settings, half-written ones after a day", async () => {
  const graph = await cacheOf({ cache: { days: 5, retain: false } });
  const lifecycle = graph.all("s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")[0]!.inputs;
  expect(lifecycle.rules).toMatchObject([
    { filter: { prefix: "cache/" }, expiration: { days: 5 } },
    { filter: { prefix: "runner/" }, expiration: { days: 45 } },
    { filter: {}, abortIncompleteMultipartUpload: { daysAfterInitiation: 1 } },
  ]);
});

test("a destroy takes what is in it, unless it is to stay", async () => {
  const force = async (retain: boolean) =>
    (await cacheOf({ cache: { days: 5, retain } })).all("s3/bucket:Bucket")[0]!.inputs.forceDestroy;
  expect([await force(false), await force(true)]).toEqual([true, false]);
});
