import { expect, test } from "vitest";
import { presigned, type Signing } from "../../../../agent/manager/mirror/presign.ts";

// The example of Amazon's documentation (API/sigv4-query-string-auth.html), keys and signature included.
const example: Signing = {
  method: "GET",
  url: "https://examplebucket.s3.amazonaws.com/test.txt",
  region: "us-east-1",
  keys: {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: ["wJalrXUtnFEMI", "K7MDENG", "bPxRfiCYEXAMPLEKEY"].join("/"),
  },
  atMs: Date.UTC(2013, 4, 24),
  seconds: 86_400,
};

test("an address is signed as Amazon's example is", () => {
  expect(presigned(example)).toBe(
    "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256" +
      "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request" +
      "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host" +
      "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
  );
});

const signature = (over: Partial<Signing>) =>
  new URL(presigned({ ...example, ...over })).searchParams.get("X-Amz-Signature");

test.each<[string, Partial<Signing>]>([
  ["method", { method: "HEAD" }],
  ["key", { url: "https://examplebucket.s3.amazonaws.com/other.txt" }],
  ["bucket", { url: "https://other.s3.amazonaws.com/test.txt" }],
  ["time", { atMs: Date.UTC(2013, 4, 24, 0, 0, 1) }],
  ["duration", { seconds: 86_401 }],
  ["header", { headers: { "x-amz-checksum-sha256": "abc" } }],
  ["session", { keys: { ...example.keys, sessionToken: "token/with+signs=" } }],
])("an address is good for no other %s", (_what, over) => {
  expect(signature(over)).not.toBe(signature({}));
});

test("a role's session token and the headers that count are named in it", () => {
  const url = presigned({
    ...example,
    keys: { ...example.keys, sessionToken: "a/b+c=" },
    headers: { "x-amz-checksum-sha256": "abc" },
  });
  expect(url).toContain("X-Amz-Security-Token=a%2Fb%2Bc%3D");
  expect(url).toContain("X-Amz-SignedHeaders=host%3Bx-amz-checksum-sha256");
});
