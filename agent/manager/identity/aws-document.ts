/**
 * AWS's signed instance identity document (rsa2048): what an instance can show of itself, and nobody else can make.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html
 */
import { createHash, type KeyObject, X509Certificate } from "node:crypto";
import * as z from "zod";
import type { RegionCertificates } from "./aws-certificates.ts";
import { NotCms, readCms } from "./cms.ts";

/** What counts of it; the rest is for others. */
const awsDocument = z.object({
  accountId: z.string().regex(/^\d{12}$/),
  region: z.string().regex(/^[a-z0-9-]{1,32}$/),
  instanceId: z.string().regex(/^i-[0-9a-f]{8,32}$/),
  /** When the instance was started last. */
  pendingTime: z.iso.datetime(),
  /** Of its first network interface. */
  privateIp: z.ipv4(),
});
export type AwsDocument = z.infer<typeof awsDocument>;

export type ReadDocument =
  | { is: "signed"; document: AwsDocument }
  /** unreadable: no signed document at all. unknown-region: no certificate is held for it. forged: another key signed. */
  | { is: "unreadable" | "unknown-region" | "forged"; detail: string };

/** @param text base64, as the metadata service gives it, in lines or not */
export function readDocument(text: string, certificates: RegionCertificates): ReadDocument {
  try {
    const { content, isBy } = readCms(Buffer.from(text, "base64"));
    // Not believed yet: it says by which certificate it wants to be judged.
    const { success, data } = awsDocument.safeParse(JSON.parse(content.toString("utf8")));
    if (!success) return { is: "unreadable", detail: "it is signed, but no instance identity document" };
    const certificate = certificates[data.region];
    if (!certificate) {
      const detail = `no certificate of AWS is known for the region ${data.region}`;
      return { is: "unknown-region", detail };
    }
    if (!isBy(keyOf(certificate)))
      return { is: "forged", detail: `AWS's key of ${data.region} did not sign it` };
    return { is: "signed", document: data };
  } catch (error) {
    if (!(error instanceof NotCms) && !(error instanceof SyntaxError)) throw error;
    return { is: "unreadable", detail: `it is no signed document: ${error.message}` };
  }
}

const keys = new WeakMap<RegionCertificates[string], KeyObject>();

/** @throws when a certificate was changed by accident: then nothing that it says may be believed */
function keyOf(certificate: RegionCertificates[string]): KeyObject {
  const known = keys.get(certificate);
  if (known) return known;
  const der = Buffer.from(certificate.der, "base64");
  if (createHash("sha256").update(der).digest("hex") !== certificate.sha256)
    throw new Error(
      `a certificate of AWS has not the SHA-256 ${certificate.sha256} that is written beside it`,
    );
  const { publicKey } = new X509Certificate(der);
  keys.set(certificate, publicKey);
  return publicKey;
}
