/**
 * Signs instance identity documents as AWS does, with a key of a test: CMS in BER, with open lengths where AWS's service has
 * them, one signer, signed attributes, no certificate inside. Written by hand, so that writer and reader are not one program.
 */
import { createHash, createPrivateKey, type KeyObject, sign, X509Certificate } from "node:crypto";
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import type { RegionCertificate } from "../../../agent/manager/identity/aws-certificates.ts";

/** What an attacker would do in another way. */
export interface Form {
  /** In place of the document, after it was signed. */
  content: string;
  /** OID of the digest, as DER. */
  digest: Buffer;
  /** What is signed as the content's hash. */
  messageDigest: Buffer;
  signers: number;
  withoutAttributes: boolean;
  twiceTheDigest: boolean;
  /** The signer's own certificate comes along. */
  withCertificate: boolean;
  /** Behind it. */
  trailing: Buffer;
}

export interface Signer {
  certificate: RegionCertificate;
  /** Base64 in lines, as the metadata service gives it. */
  sign(document: object | string, form?: Partial<Form>): string;
}

export interface TestDocument {
  accountId: string;
  region: string;
  instanceId: string;
  pendingTime: string;
  privateIp: string;
}

/** With the fields that AWS's documents have besides. */
export const documentOf = (said: TestDocument): Record<string, unknown> => ({
  architecture: "arm64",
  availabilityZone: `${said.region}a`,
  billingProducts: null,
  devpayProductCodes: null,
  marketplaceProductCodes: null,
  imageId: "ami-0123456789abcdef0",
  instanceType: "c8g.2xlarge",
  kernelId: null,
  ramdiskId: null,
  version: "2017-09-30",
  ...said,
});

const length = (bytes: number): Buffer =>
  bytes < 128
    ? Buffer.of(bytes)
    : bytes < 256
      ? Buffer.of(0x81, bytes)
      : Buffer.of(0x82, bytes >> 8, bytes & 255);
const tlv = (tag: number, ...parts: Buffer[]) => {
  const value = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(tag), length(value.length), value]);
};
/** With a length that is not said. */
const open = (tag: number, ...parts: Buffer[]) =>
  Buffer.concat([Buffer.of(tag, 0x80), ...parts, Buffer.of(0, 0)]);
const oid = (hex: string) => tlv(0x06, Buffer.from(hex, "hex"));

export const oids = { sha256: oid("608648016503040201"), sha1: oid("2b0e03021a") };
const data = oid("2a864886f70d010701");
const signedData = oid("2a864886f70d010702");
const rsaWithSha256 = oid("2a864886f70d01010b");
const [contentType, messageDigest, signingTime] = ["03", "04", "05"].map((last) =>
  oid(`2a864886f70d0109${last}`),
) as [Buffer, Buffer, Buffer];
const sequence = 0x30;
const set = 0x31;
const octets = 0x04;
const one = tlv(0x02, Buffer.of(1));
const algorithm = (name: Buffer) => tlv(sequence, name, tlv(0x05));

function cms(text: string, key: KeyObject, der: Buffer, form: Partial<Form>): Buffer {
  const hash = form.messageDigest ?? createHash("sha256").update(text).digest();
  const digest = tlv(sequence, messageDigest, tlv(set, tlv(octets, hash)));
  const attributes = [
    tlv(sequence, contentType, tlv(set, data)),
    tlv(sequence, signingTime, tlv(set, tlv(0x17, Buffer.from("260101000000Z")))),
    ...(form.twiceTheDigest ? [digest, digest] : [digest]),
  ];
  const signed = form.withoutAttributes ? Buffer.from(text) : tlv(set, ...attributes);
  const signer = tlv(
    sequence,
    one,
    tlv(sequence, tlv(sequence), tlv(0x02, Buffer.of(7))),
    algorithm(form.digest ?? oids.sha256),
    ...(form.withoutAttributes ? [] : [tlv(0xa0, ...attributes)]),
    algorithm(rsaWithSha256),
    tlv(octets, sign("sha256", signed, key)),
  );
  const content = open(0x24, tlv(octets, Buffer.from(form.content ?? text)));
  return open(
    sequence,
    signedData,
    open(
      0xa0,
      open(
        sequence,
        one,
        tlv(set, algorithm(oids.sha256)),
        open(sequence, data, open(0xa0, content)),
        ...(form.withCertificate ? [open(0xa0, der)] : []),
        tlv(set, ...Array.from({ length: form.signers ?? 1 }, () => signer)),
      ),
    ),
  );
}

/** A key and certificate as AWS has one for each region. */
export async function makeSigner(): Promise<Signer> {
  const algorithmOfKeys = {
    name: "RSASSA-PKCS1-v1_5",
    hash: "SHA-256",
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
  };
  const keys = await crypto.subtle.generateKey(algorithmOfKeys, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: "CN=test region",
    keys,
    signingAlgorithm: algorithmOfKeys,
    notBefore: new Date("2020-01-01"),
    notAfter: new Date("2120-01-01"),
  });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const { raw } = new X509Certificate(certificate.toString("pem"));
  return {
    certificate: { sha256: createHash("sha256").update(raw).digest("hex"), der: raw.toString("base64") },
    sign: (document, form = {}) => {
      const text = typeof document === "string" ? document : JSON.stringify(document, null, 2);
      const whole = Buffer.concat([cms(text, key, raw, form), form.trailing ?? Buffer.alloc(0)]);
      return whole.toString("base64").replace(/.{76}/g, "$&\n");
    },
  };
}
