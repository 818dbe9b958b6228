/** BucketObjectv2: a changed content is a new version under the same key. */
import { readFile } from "node:fs/promises";
import { DeleteObjectCommand, HeadObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import {
  given,
  orNull,
  regionOf,
  text,
  unlessGone,
  type Call,
  type Cloud,
  type CloudKinds,
} from "./cloud.ts";

const body = async (call: Call): Promise<Buffer> => {
  const [content, encoded] = [text(call, "content"), text(call, "contentBase64")];
  if (content !== undefined) return Buffer.from(content);
  if (encoded !== undefined) return Buffer.from(encoded, "base64");
  const asset = (call.inputs["source"] ?? {}) as { path?: string; text?: string };
  if (asset.path) return readFile(asset.path);
  if (asset.text !== undefined) return Buffer.from(asset.text);
  throw new Error(
    `the object ${call.name} has neither content, contentBase64 nor a source with path or text`,
  );
};

const contents = ["content", "contentBase64", "source", "sourceHash"];

export const s3ObjectKinds = (cloud: Cloud): CloudKinds => {
  const put = async (call: Call) => {
    const s3 = await cloud.clients("s3", regionOf(cloud, call));
    const tags = new URLSearchParams((call.inputs["tags"] ?? {}) as Record<string, string>).toString();
    await s3.send(
      new PutObjectCommand({
        Bucket: text(call, "bucket")!,
        Key: text(call, "key")!,
        Body: await body(call),
        ...given({
          ContentType: text(call, "contentType"),
          ContentEncoding: text(call, "contentEncoding"),
          CacheControl: text(call, "cacheControl"),
          ServerSideEncryption: text(call, "serverSideEncryption") as "AES256" | undefined,
          SSEKMSKeyId: text(call, "kmsKeyId"),
          Tagging: tags === "" ? undefined : tags,
          Metadata: call.inputs["metadata"] as Record<string, string> | undefined,
        }),
      }),
    );
    return `${text(call, "bucket")}/${text(call, "key")}`;
  };
  return {
    "aws:s3/bucketObjectv2:BucketObjectv2": {
      autoName: "key",
      replace: ["bucket", "key"],
      answers: ["arn", "etag", "versionId"],
      volatile: (changed) => (changed.some((key) => contents.includes(key)) ? ["etag", "versionId"] : []),
      create: put,
      update: put,
      read: async (call) => {
        const s3 = await cloud.clients("s3", regionOf(cloud, call));
        const { bucket, key } = { ...call.olds, ...call.inputs } as Record<string, string>;
        const found = await orNull(() => s3.send(new HeadObjectCommand({ Bucket: bucket!, Key: key! })));
        if (!found) return null;
        return {
          arn: `arn:aws:s3:::${bucket}/${key}`,
          etag: found.ETag?.replaceAll('"', ""),
          versionId: found.VersionId ?? "",
        };
      },
      delete: async (call) => {
        const s3 = await cloud.clients("s3", regionOf(cloud, call));
        const { bucket, key } = call.olds as Record<string, string>;
        await unlessGone(() => s3.send(new DeleteObjectCommand({ Bucket: bucket!, Key: key! })));
      },
    },
  };
};
