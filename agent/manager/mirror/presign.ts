/**
 * An address of S3 that is good for one method, for a while, without any other proof: signature version 4 in the query
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html). What is sent is not part of it.
 */
import { createHash, createHmac } from "node:crypto";

export interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

export interface Signing {
  method: "GET" | "HEAD" | "PUT";
  /** Without a query. */
  url: string;
  region: string;
  keys: Keys;
  /** Now. */
  atMs: number;
  /** At most a week; keys of a role end sooner, and with them the address. */
  seconds: number;
  /** Headers that the call must have, in lower case. */
  headers?: Readonly<Record<string, string>>;
}

const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
/** `encodeURIComponent`, but for what RFC 3986 reserves besides. */
const encoded = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

export function presigned({ method, url, region, keys, atMs, seconds, headers = {} }: Signing): string {
  const { host, pathname, origin } = new URL(url);
  const time = new Date(atMs).toISOString().replace(/[-:]|\.\d+/g, "");
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/s3/aws4_request`;
  const all = Object.entries({ ...headers, host }).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = all.map(([name]) => name).join(";");
  const query = Object.entries({
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${keys.accessKeyId}/${scope}`,
    "X-Amz-Date": time,
    "X-Amz-Expires": String(seconds),
    ...(keys.sessionToken !== undefined && { "X-Amz-Security-Token": keys.sessionToken }),
    "X-Amz-SignedHeaders": names,
  })
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .join("&");
  const lines = all.map(([name, value]) => `${name}:${value.trim()}\n`).join("");
  const request = [method, pathname, query, lines, names, "UNSIGNED-PAYLOAD"].join("\n");
  const hash = createHash("sha256").update(request).digest("hex");
  const key = [day, region, "s3", "aws4_request"].reduce<string | Buffer>(
    hmac,
    `AWS4${keys.secretAccessKey}`,
  );
  const signature = hmac(key, ["AWS4-HMAC-SHA256", time, scope, hash].join("\n")).toString("hex");
  return `${origin}${pathname}?${query}&X-Amz-Signature=${signature}`;
}
