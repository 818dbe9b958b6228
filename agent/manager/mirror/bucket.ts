/** The part of a bucket that the mirror uses, with the manager's own rights; each call is an address that is signed for it. */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { Deps } from "../deps.ts";
import { type Keys, presigned } from "./presign.ts";

export interface Bucket {
  has(key: string, signal: AbortSignal): Promise<boolean>;
  /** S3 takes it only when its bytes have the digest. @param sha256 hex */
  put(key: string, file: { path: string; bytes: number; sha256: string }, signal: AbortSignal): Promise<void>;
  /** Where whoever has it can read it, without login, for so long. */
  link(key: string, seconds: number): Promise<string>;
}

export interface BucketOptions {
  name: string;
  region: string;
  /** Asked for each signature: those of a role change. */
  keys: () => Promise<Keys>;
  /** Default: S3 of the region. */
  endpoint?: string | undefined;
}

/** Of addresses that the manager uses itself, at once. */
const ownSeconds = 300;

const homeOf = ({ name, region, endpoint }: BucketOptions) =>
  endpoint !== undefined
    ? `${endpoint.replace(/\/$/, "")}/${name}`
    : `https://${name}.s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;

export function makeBucket(options: BucketOptions, { clock, fetch }: Pick<Deps, "clock" | "fetch">): Bucket {
  const home = homeOf(options);
  const sign = async (
    method: "GET" | "HEAD" | "PUT",
    key: string,
    seconds: number,
    headers: Record<string, string> = {},
  ) => {
    const { region, keys } = options;
    const url = `${home}/${key}`;
    return presigned({ method, url, region, keys: await keys(), atMs: clock.now(), seconds, headers });
  };
  return {
    has: async (key, signal) => {
      const answer = await fetch(await sign("HEAD", key, ownSeconds), { method: "HEAD", signal });
      if (answer.status === 404) return false;
      if (!answer.ok) throw new Error(`S3 answers ${answer.status} to a look at ${key}`);
      return true;
    },
    put: async (key, { path, bytes, sha256 }, signal) => {
      const checksum = { "x-amz-checksum-sha256": Buffer.from(sha256, "hex").toString("base64") };
      const answer = await fetch(await sign("PUT", key, ownSeconds, checksum), {
        method: "PUT",
        headers: { ...checksum, "content-length": String(bytes) },
        body: Readable.toWeb(createReadStream(path)) as unknown as ReadableStream,
        duplex: "half",
        signal,
      } as RequestInit);
      const said = (await answer.text()).slice(0, 300);
      if (!answer.ok) throw new Error(`S3 answers ${answer.status} to ${key}: ${said}`);
    },
    link: (key, seconds) => sign("GET", key, seconds),
  };
}
