// Goal: a document is believed only if AWS's key of its region signed exactly it. Method: a stand-in for AWS's signer, honest
// and not; the certificates themselves are checked for what they are.
import { createHash, X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import {
  awsCertificates,
  type RegionCertificates,
} from "../../../../agent/manager/identity/aws-certificates.ts";
import { readDocument } from "../../../../agent/manager/identity/aws-document.ts";
import { documentOf, type Form, makeSigner, oids, type Signer } from "../../../clouds/metadata/signer.ts";

const said = {
  accountId: "123456789012",
  region: "eu-central-1",
  instanceId: "i-0123456789abcdef0",
  pendingTime: "2026-01-01T00:00:00Z",
  privateIp: "10.64.0.17",
};
let aws: Signer;
let foreign: Signer;
let certificates: RegionCertificates;
beforeAll(async () => {
  [aws, foreign] = await Promise.all([makeSigner(), makeSigner()]);
  certificates = { "eu-central-1": aws.certificate, "us-east-1": foreign.certificate };
});
const signed = (form: Partial<Form> = {}, by = aws) => by.sign(documentOf(said), form);

describe("a document", () => {
  it("is read as it was signed, in lines or in one", () => {
    expect(readDocument(signed(), certificates)).toEqual({ is: "signed", document: said });
    expect(readDocument(signed().replaceAll("\n", ""), certificates)).toEqual({
      is: "signed",
      document: said,
    });
  });

  it("is judged by the certificate that is known, also when another comes along", () => {
    expect(readDocument(signed({ withCertificate: true }), certificates)).toMatchObject({ is: "signed" });
    const own = signed({ withCertificate: true }, foreign);
    expect(readDocument(own, certificates)).toMatchObject({ is: "forged" });
  });

  it("of a region whose certificate is not known is refused by that name", () => {
    const text = aws.sign(documentOf({ ...said, region: "moon-west-1" }));
    expect(readDocument(text, certificates)).toEqual({
      is: "unknown-region",
      detail: "no certificate of AWS is known for the region moon-west-1",
    });
  });

  const other = JSON.stringify(documentOf({ ...said, instanceId: "i-0fedcba9876543210" }));
  it.each<[string, Partial<Form>]>([
    ["whose content was exchanged", { content: other }],
    ["whose hash is another content's", { messageDigest: createHash("sha256").update(other).digest() }],
    ["with an older digest", { digest: oids.sha1 }],
    ["with two signers", { signers: 2 }],
    ["without a signer", { signers: 0 }],
    ["without signed attributes", { withoutAttributes: true }],
    ["with two hashes", { twiceTheDigest: true }],
    ["with something behind it", { trailing: Buffer.from("more") }],
  ])("%s is none", (_what, form) => {
    expect(readDocument(signed(form), certificates)).toMatchObject({ is: "unreadable" });
  });

  it.each([
    ["nothing", ""],
    ["not base64", "%%%"],
    ["no ASN.1", Buffer.from("a document").toString("base64")],
    ["thousands of opened values", Buffer.alloc(8_000, Buffer.of(0x30, 0x80)).toString("base64")],
    ["half of one", () => signed().slice(0, 700)],
  ])("that is %s is none", (_what, text) => {
    expect(readDocument(typeof text === "string" ? text : text(), certificates)).toMatchObject({
      is: "unreadable",
    });
  });

  it.each([
    ["is no JSON", "hello"],
    ["lacks a field", JSON.stringify({ ...documentOf(said), privateIp: undefined })],
    ["has an account of other form", JSON.stringify(documentOf({ ...said, accountId: "1' or 1" }))],
  ])("that is signed but %s is none", (_what, text) => {
    expect(readDocument(aws.sign(text), certificates)).toMatchObject({ is: "unreadable" });
  });

  it("is never believed on a certificate that is not the one that was written down", () => {
    const changed = { "eu-central-1": { ...aws.certificate, der: foreign.certificate.der } };
    expect(() => readDocument(signed(), changed)).toThrow(/has not the SHA-256/);
  });
});

describe("AWS's certificates", () => {
  it.each(Object.entries(awsCertificates))(
    "of %s is AWS's, of RSA with 2048 bits",
    (_region, { der, sha256 }) => {
      const bytes = Buffer.from(der, "base64");
      const certificate = new X509Certificate(bytes);
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(sha256);
      expect(certificate.subject).toContain("O=Amazon Web Services LLC");
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      expect(certificate.publicKey.asymmetricKeyDetails).toMatchObject({ modulusLength: 2048 });
    },
  );

  it("are different ones", () => {
    const all = Object.values(awsCertificates).map(({ sha256 }) => sha256);
    expect(new Set(all).size).toBe(all.length);
    expect(Object.keys(awsCertificates)).toContain("eu-central-1");
  });
});
