/** JSON web tokens, as far as GitHub's own services use them. */
import { createHmac, verify, type KeyObject } from "node:crypto";

export type Claims = Record<string, unknown>;

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** HS256: what the simulated services sign for themselves. */
export function signHs256(claims: Claims, key: Buffer): string {
  const head = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
  return `${head}.${createHmac("sha256", key).update(head).digest("base64url")}`;
}

/** The claims, unchecked; null for what is no JWT. */
export function readClaims(token: string): Claims | null {
  try {
    return JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as Claims;
  } catch {
    return null;
  }
}

/** The claims of an RS256 token signed by `key`, else null. Times are not looked at. */
export function verifyRs256(token: string, key: KeyObject): Claims | null {
  const [header = "", payload = "", signature = ""] = token.split(".");
  try {
    const { alg } = JSON.parse(Buffer.from(header, "base64url").toString()) as { alg?: string };
    if (alg !== "RS256") return null;
  } catch {
    return null;
  }
  const good = verify(
    "sha256",
    Buffer.from(`${header}.${payload}`),
    key,
    Buffer.from(signature, "base64url"),
  );
  return good ? readClaims(token) : null;
}
