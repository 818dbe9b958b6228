/** X.509 as @pulumi/tls makes it, by a library. */
import "reflect-metadata";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  webcrypto,
  X509Certificate as NodeCertificate,
} from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { Call } from "../kind.ts";
import type { Props } from "../values.ts";

type KeyPair = webcrypto.CryptoKeyPair;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Both halves of a key from its PEM, in either encoding. */
const keysOf = async (pem: string): Promise<KeyPair> => {
  const key = createPrivateKey(pem);
  const der = (of: ReturnType<typeof createPublicKey>, type: "pkcs8" | "spki") =>
    new Uint8Array(of.export({ type: type as "spki", format: "der" }));
  return {
    privateKey: await webcrypto.subtle.importKey("pkcs8", der(key, "pkcs8"), algorithm, true, ["sign"]),
    publicKey: await webcrypto.subtle.importKey("spki", der(createPublicKey(key), "spki"), algorithm, true, [
      "verify",
    ]),
  } as KeyPair;
};

/** PEM of the public half and its SHA-256. */
export const publicParts = (privateKeyPem: string) => {
  const key = createPublicKey(createPrivateKey(privateKeyPem));
  const hash = createHash("sha256")
    .update(key.export({ type: "spki", format: "der" }))
    .digest("base64");
  return {
    publicKeyPem: key.export({ type: "spki", format: "pem" }) as string,
    publicKeyFingerprintSha256: `SHA256:${hash.replace(/=+$/, "")}`,
  };
};

export const makeKey = async (): Promise<Props> => {
  const { privateKey } = (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as KeyPair;
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", privateKey));
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  // The real provider's forms: SEC1 ("EC PRIVATE KEY") and PKCS 8.
  const privateKeyPem = key.export({ type: "sec1", format: "pem" }) as string;
  return {
    privateKeyPem,
    privateKeyPemPkcs8: key.export({ type: "pkcs8", format: "pem" }),
    ...publicParts(privateKeyPem),
  };
};

const subjectNames: Record<string, string> = {
  commonName: "CN",
  organization: "O",
  organizationalUnit: "OU",
  country: "C",
  locality: "L",
  province: "ST",
};
const nameOf = (subject: unknown): x509.JsonName =>
  Object.entries((subject ?? {}) as Record<string, string>)
    .filter(([key]) => key in subjectNames)
    .map(([key, value]) => ({ [subjectNames[key]!]: [value] }));

const usageFlags: Record<string, x509.KeyUsageFlags> = {
  digital_signature: x509.KeyUsageFlags.digitalSignature,
  key_encipherment: x509.KeyUsageFlags.keyEncipherment,
  key_agreement: x509.KeyUsageFlags.keyAgreement,
  cert_signing: x509.KeyUsageFlags.keyCertSign,
  crl_signing: x509.KeyUsageFlags.cRLSign,
};
const extendedUsages: Record<string, string> = {
  server_auth: x509.ExtendedKeyUsage.serverAuth,
  client_auth: x509.ExtendedKeyUsage.clientAuth,
};

const usages = (allowed: readonly string[]): x509.Extension[] => {
  const unknown = allowed.filter((use) => !(use in usageFlags) && !(use in extendedUsages));
  if (unknown.length > 0) throw new Error(`the stand-in knows no allowedUses ${unknown.join(", ")}`);
  const flags = allowed.reduce((all, use) => all | (usageFlags[use] ?? 0), 0);
  const extended = allowed.flatMap((use) => extendedUsages[use] ?? []);
  return [
    ...(flags ? [new x509.KeyUsagesExtension(flags, true)] : []),
    ...(extended.length > 0 ? [new x509.ExtendedKeyUsageExtension(extended)] : []),
  ];
};

const alternativeNames = (inputs: Props): x509.Extension[] => {
  const names = (key: string) => (inputs[key] ?? []) as string[];
  const all: x509.JsonGeneralName[] = [
    ...names("dnsNames").map((value) => ({ type: "dns" as const, value })),
    ...names("ipAddresses").map((value) => ({ type: "ip" as const, value })),
    ...names("uris").map((value) => ({ type: "url" as const, value })),
  ];
  return all.length > 0 ? [new x509.SubjectAlternativeNameExtension(all)] : [];
};

const constraints = (inputs: Props): x509.Extension[] => {
  const length = inputs["maxPathLength"] as number | undefined;
  const limit = length === undefined || length < 0 ? undefined : length;
  return [new x509.BasicConstraintsExtension(inputs["isCaCertificate"] === true, limit, true)];
};

const serial = () =>
  Buffer.from(webcrypto.getRandomValues(new Uint8Array(16)))
    .toString("hex")
    .replace(/^./, "1");

const described = (certificate: x509.X509Certificate, key: "keyAlgorithm" | "caKeyAlgorithm"): Props => ({
  certPem: `${certificate.toString("pem")}\n`,
  validityStartTime: certificate.notBefore.toISOString(),
  validityEndTime: certificate.notAfter.toISOString(),
  readyForRenewal: false,
  [key]: "ECDSA",
});

const validity = (inputs: Props) => {
  // X.509 keeps whole seconds; one made in this very second must be valid already.
  const notBefore = new Date(Math.floor(Date.now() / 1000) * 1000);
  const hours = Number(inputs["validityPeriodHours"]);
  return { notBefore, notAfter: new Date(notBefore.getTime() + hours * 3_600_000) };
};

export const selfSign = async ({ inputs }: Call): Promise<Props> => {
  const keys = await keysOf(inputs["privateKeyPem"] as string);
  const identifiers =
    inputs["setSubjectKeyId"] === true
      ? [await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)]
      : [];
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: nameOf(inputs["subject"]),
    ...validity(inputs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      ...constraints(inputs),
      ...usages(inputs["allowedUses"] as string[]),
      ...alternativeNames(inputs),
      ...identifiers,
    ],
  });
  return described(certificate, "keyAlgorithm");
};

export const request = async ({ inputs }: Call): Promise<Props> => {
  const made = await x509.Pkcs10CertificateRequestGenerator.create({
    name: nameOf(inputs["subject"]),
    keys: await keysOf(inputs["privateKeyPem"] as string),
    signingAlgorithm: algorithm,
    extensions: alternativeNames(inputs),
  });
  return { certRequestPem: `${made.toString("pem")}\n`, keyAlgorithm: "ECDSA" };
};

export const issue = async ({ inputs }: Call): Promise<Props> => {
  const asked = new x509.Pkcs10CertificateRequest(inputs["certRequestPem"] as string);
  const caPem = inputs["caCertPem"] as string;
  const { privateKey, publicKey } = await keysOf(inputs["caPrivateKeyPem"] as string);
  if (!new NodeCertificate(caPem).checkPrivateKey(createPrivateKey(inputs["caPrivateKeyPem"] as string)))
    throw new Error("the CA's key is not the key of the CA's certificate");
  const names = asked.extensions.find((one) => one instanceof x509.SubjectAlternativeNameExtension);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: asked.subject,
    issuer: new x509.X509Certificate(caPem).subject,
    ...validity(inputs),
    publicKey: await asked.publicKey.export(),
    signingKey: privateKey,
    signingAlgorithm: algorithm,
    extensions: [
      ...constraints(inputs),
      ...usages(inputs["allowedUses"] as string[]),
      ...(names ? [names] : []),
      ...(inputs["setSubjectKeyId"] === true
        ? [await x509.SubjectKeyIdentifierExtension.create(await asked.publicKey.export())]
        : []),
      await x509.AuthorityKeyIdentifierExtension.create(publicKey),
    ],
  });
  return described(certificate, "caKeyAlgorithm");
};
