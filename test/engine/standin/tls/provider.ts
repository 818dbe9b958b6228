/** A stand-in for the tls plugin: real keys and certificates, ECDSA P-256 only, under the names of @pulumi/tls. */
import { complaints } from "../complaints.ts";
import { Declarations } from "../declarations.ts";
import type { Call, Kind, Kinds, Provider } from "../kind.ts";
import type { Props } from "../values.ts";
import { issue, makeKey, publicParts, request, selfSign } from "./certificates.ts";

const noName = (reason: string) => (property: string) => ({ property, reason });

/** Everything but the renewal's date is what the certificate is made of. */
const madeOf = (changed: readonly string[]) => changed.filter((key) => key !== "earlyRenewalHours");

const certificateAnswers = ["certPem", "validityStartTime", "validityEndTime", "readyForRenewal"];

/** Objects that only the state knows: they are made with the create, and a read believes the state. */
const made = (make: (call: Call) => Promise<Props>, answers: readonly string[]): Partial<Kind> => ({
  answers,
  replace: madeOf,
  run: async (call) => (call.op === "create" ? make(call) : call.op === "update" ? kept(call, answers) : {}),
});
const kept = (call: Call, answers: readonly string[]): Props =>
  Object.fromEntries(answers.map((key) => [key, call.olds[key]]));

const kindsOf = (): Record<string, Kind> => ({
  "tls:index/privateKey:PrivateKey": {
    ...made(makeKey, ["privateKeyPem", "privateKeyPemPkcs8", "publicKeyPem", "publicKeyFingerprintSha256"]),
    secret: ["privateKeyPem", "privateKeyPemPkcs8"],
    check: (inputs) =>
      inputs["algorithm"] === "ECDSA" && inputs["ecdsaCurve"] === "P256"
        ? []
        : ["algorithm"].map(noName("the stand-in makes only ECDSA keys on P256")),
  },
  "tls:index/selfSignedCert:SelfSignedCert": {
    ...made(selfSign, [...certificateAnswers, "keyAlgorithm"]),
    secret: ["privateKeyPem"],
  },
  "tls:index/certRequest:CertRequest": {
    ...made(request, ["certRequestPem", "keyAlgorithm"]),
    secret: ["privateKeyPem"],
  },
  "tls:index/locallySignedCert:LocallySignedCert": {
    ...made(issue, [...certificateAnswers, "caKeyAlgorithm"]),
    secret: ["caPrivateKeyPem"],
  },
});

export const tlsProvider = (): Provider => {
  const declarations = new Declarations("tls");
  const kinds: Kinds = Object.fromEntries(
    Object.entries(kindsOf()).map(([type, kind]) => [
      type,
      {
        ...kind,
        check: (inputs) => [
          ...complaints(declarations.inputs(type), inputs),
          ...(kind.check?.(inputs) ?? []),
        ],
      },
    ]),
  );
  return { kinds };
};

export { publicParts };
