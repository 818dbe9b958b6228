/** Buckets: nobody outside the stack, and nothing in clear on the way. */
import { refersTo } from "./links.ts";
import { ofType, violation, type Policy, type Resource } from "./policy.ts";
import { isOn, isUnknown, plain, statements } from "./values.ts";

const bucketTypes = ["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"];
const blockType = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock";
const policyType = "aws:s3/bucketPolicy:BucketPolicy";
const blocks = ["blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"];

const isPrivate = ({ inputs }: Resource) =>
  blocks.every((key) => isOn(plain(inputs[key])) || isUnknown(plain(inputs[key])));

export const privateBuckets: Policy = {
  name: "buckets-private",
  what: "Every bucket blocks public access in all four ways.",
  why: "It then stays private whatever a policy or an object's ACL says later.",
  scope: "stack",
  check: (resources) =>
    ofType(resources, ...bucketTypes).flatMap((bucket) => {
      const block = ofType(resources, blockType).find((one) => refersTo(one, "bucket", bucket));
      const cure = `add a BucketPublicAccessBlock with ${blocks.join(", ")}: true`;
      if (block === undefined) return [violation(bucket, "does not block public access", cure)];
      return isPrivate(block) ? [] : [violation(block, "leaves a way to public access", cure)];
    }),
};

/** Whether a policy refuses everything that does not come over TLS; true while it is not known. */
const refusesPlainHttp = ({ inputs }: Resource): boolean => {
  const known = statements(inputs["policy"]);
  return (
    known === null ||
    known.some(
      ({ effect, principals, actions, resources, conditions }) =>
        effect === "Deny" &&
        principals.includes("*") &&
        actions.includes("s3:*") &&
        (resources.includes("*") || resources.some((name) => name.endsWith("/*"))) &&
        conditions["Bool"]?.["aws:SecureTransport"]?.includes("false"),
    )
  );
};

export const tlsOnly: Policy = {
  name: "buckets-tls-only",
  what: "Every bucket refuses calls that do not come over TLS.",
  why: "S3 answers plain HTTP unless its policy says no.",
  scope: "stack",
  check: (resources) =>
    ofType(resources, ...bucketTypes).flatMap((bucket) => {
      const policy = ofType(resources, policyType).find((one) => refersTo(one, "bucket", bucket));
      const cure = "deny s3:* to * on the bucket and its objects where aws:SecureTransport is false";
      if (policy === undefined)
        return [violation(bucket, "has no policy, so that it answers plain HTTP", cure)];
      return refusesPlainHttp(policy) ? [] : [violation(policy, "lets its bucket answer plain HTTP", cure)];
    }),
};
