import { beforeAll, expect, test } from "vitest";
import { servedCertificate } from "../../../../agent/manager/web/certificate.ts";
import { type Certificates, makeCertificates } from "../../../certificates/certificates.ts";

let now: Certificates;
let earlier: Certificates;
beforeAll(async () => {
  [now, earlier] = await Promise.all([makeCertificates("now"), makeCertificates("earlier")]);
});

test("the key that fits is taken, whichever of the two it is", () => {
  const keys = { certificateKey: now.key, earlierCertificateKey: earlier.key };
  expect(servedCertificate(now, keys)).toEqual({ cert: now.certificate, key: now.key });
  expect(servedCertificate(earlier, keys)).toEqual({ cert: earlier.certificate, key: earlier.key });
});

test("a chain is served whole, by the key of its first", () => {
  const certificate = `${now.certificate}\n${earlier.ca}`;
  expect(servedCertificate({ certificate }, { certificateKey: now.key }).cert).toBe(certificate);
});

test.each<[string, () => unknown, RegExp]>([
  ["no key", () => servedCertificate(now, {}), /needs the secret certificateKey/],
  [
    "another's key",
    () => servedCertificate(now, { certificateKey: earlier.key }),
    /no certificateKey .* fits/,
  ],
  [
    "a key that is none",
    () => servedCertificate(now, { certificateKey: "SECRET" }),
    /no certificateKey .* fits/,
  ],
  [
    "no certificate",
    () => servedCertificate({ certificate: "x" }, { certificateKey: now.key }),
    /no PEM certificate/,
  ],
])("%s is refused, without a word of any key", (_what, attempt, message) => {
  expect(attempt).toThrow(message);
  expect(attempt).not.toThrow(/SECRET|BEGIN/);
});
