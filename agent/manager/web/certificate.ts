/**
 * The certificate that agents see. Settings and secrets arrive one after the other, and while the CA is exchanged there are two
 * keys: the one that fits is taken, and as long as none does what was served before goes on.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { ManagerConfig, ManagerSecrets } from "../../manager-config.ts";

/** PEM. */
export interface ServedCertificate {
  cert: string;
  key: string;
}

/** @throws an Error for people, without a word of any key */
export function servedCertificate(
  { certificate }: Pick<NonNullable<ManagerConfig["manager"]["agents"]>, "certificate">,
  { certificateKey, earlierCertificateKey }: ManagerSecrets,
): ServedCertificate {
  const keys = [certificateKey, earlierCertificateKey].filter((key) => key !== undefined);
  if (keys.length === 0)
    throw new Error(
      "agents cannot call: manager.agents needs the secret certificateKey, the key of its certificate",
    );
  let leaf: X509Certificate;
  try {
    // Of a chain the first.
    leaf = new X509Certificate(certificate);
  } catch (error) {
    throw new Error("agents cannot call: manager.agents.certificate is no PEM certificate", { cause: error });
  }
  const key = keys.find((pem) => fits(leaf, pem));
  if (key === undefined)
    throw new Error(
      "agents cannot call: no certificateKey among the secrets fits manager.agents.certificate",
    );
  return { cert: certificate, key };
}

function fits(certificate: X509Certificate, pem: string): boolean {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    return false;
  }
  return certificate.checkPrivateKey(key);
}
