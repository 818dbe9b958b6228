/** A CA of its own and a certificate for loopback, as the program makes them for a stack. */
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const period = { notBefore: new Date("2020-01-01"), notAfter: new Date("2120-01-01") };

export interface Certificates {
  ca: string;
  certificate: string;
  key: string;
}

export async function makeCertificates(name: string): Promise<Certificates> {
  const [caKeys, keys] = await Promise.all(
    [1, 2].map(() => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])),
  );
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...period,
    name: `CN=${name}`,
    keys: caKeys!,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const certificate = await x509.X509CertificateGenerator.create({
    ...period,
    subject: `CN=${name} manager`,
    issuer: ca.subject,
    publicKey: keys!.publicKey,
    signingKey: caKeys!.privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }])],
  });
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", keys!.privateKey);
  return {
    ca: `${ca.toString("pem")}\n`,
    certificate: certificate.toString("pem"),
    key: x509.PemConverter.encode(pkcs8, "PRIVATE KEY"),
  };
}
