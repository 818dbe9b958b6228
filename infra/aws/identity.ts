/**
 * The stack's own CA and the manager's certificate. Machines pin the CA in their user data; the CA's key is also the
 * root of the session keys, and with the certificate's key the only randomness in state, where both are secret.
 *
 * While the CA is exchanged there are two. The newer one signs the manager's certificate, and the older one certifies the
 * newer: with that in the chain the manager satisfies machines that know the old one, the new one, or both.
 */
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

export interface IdentityArgs {
  stack: { project: string; name: string };
  /** IPv4 as text. */
  addresses: pulumi.Input<string[]>;
  /** One, or two while the CA is exchanged, the older first. Part of the resources' names, so that neither touches the other. */
  generations: readonly number[];
}

/** A name for people and tools that want one; agents go by address. */
export const managerDnsName = "manager.muster.internal";

/**
 * Hours: twenty years and their leap days. A shorter one would die in a stack that nobody runs `up` for, and one that
 * is renewed early would leave machines behind that boot with the old.
 */
export const validityHours = (20 * 365 + 5) * 24;

const lasting = { validityPeriodHours: validityHours, earlyRenewalHours: 0 };
const p256 = { algorithm: "ECDSA", ecdsaCurve: "P256" };
const signing = {
  isCaCertificate: true,
  setSubjectKeyId: true,
  allowedUses: ["cert_signing", "crl_signing"],
  ...lasting,
};

/** One generation: the keys of its CA and of the manager's certificate, both secret, and the CA. */
interface Generation {
  number: number;
  caKey: pulumi.Output<string>;
  key: pulumi.Output<string>;
  ca: pulumi.Output<string>;
  subject: { commonName: string };
}

/** A key that the manager gets. */
export interface ManagerKey {
  /** Of an SSM parameter: each generation has its own, so that a key is never another one under the same name. */
  parameter: string;
  /** PEM, secret. */
  value: pulumi.Output<string>;
}

export class Identity extends pulumi.ComponentResource {
  /** PEM of the CA, or of both, the older first. */
  readonly ca: pulumi.Output<string>;
  /** PEM of the manager's certificate, and of what makes it good for machines that know only the older CA. */
  readonly certificate: pulumi.Output<string>;
  /** Secret of ManagerSecrets -> key. */
  readonly keys: Readonly<Record<string, ManagerKey>>;

  constructor(name: string, args: IdentityArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:Identity", name, {}, opts);
    const inside = { parent: this };
    const made = args.generations.map((number) => this.#generation(name, args, number));
    const [newest, earlier] = [made.at(-1)!, made.at(-2)];
    const of = (part: string) => `${name}-${part}-${newest.number}`;

    const request = new tls.CertRequest(
      of("manager-request"),
      {
        privateKeyPem: newest.key,
        // Another than the CA's: a certificate whose subject is its issuer passes for one that signed itself.
        subject: { commonName: managerDnsName },
        ipAddresses: args.addresses,
        dnsNames: [managerDnsName],
      },
      inside,
    );
    const certificate = new tls.LocallySignedCert(
      of("manager"),
      {
        certRequestPem: request.certRequestPem,
        caPrivateKeyPem: newest.caKey,
        caCertPem: newest.ca,
        allowedUses: ["digital_signature", "server_auth"],
        ...lasting,
      },
      inside,
    );
    const chain = [certificate.certPem, ...(earlier ? [this.#vouched(name, earlier, newest)] : [])];
    this.certificate = pulumi.all(chain).apply((pems) => pems.join(""));
    this.ca = pulumi.all(made.map(({ ca }) => ca)).apply((pems) => pems.join(""));
    const keysOf = ({ number, caKey, key }: Generation) => ({
      ca: { parameter: `caKey-${number}`, value: caKey },
      certificate: { parameter: `certificateKey-${number}`, value: key },
    });
    const [now, before] = [keysOf(newest), earlier && keysOf(earlier)];
    this.keys = {
      caKey: now.ca,
      certificateKey: now.certificate,
      ...(before && { earlierCaKey: before.ca, earlierCertificateKey: before.certificate }),
    };
    this.registerOutputs();
  }

  #generation(name: string, { stack }: IdentityArgs, number: number): Generation {
    const of = (part: string) => `${name}-${part}-${number}`;
    const inside = { parent: this };
    const caKey = pulumi.secret(new tls.PrivateKey(of("ca-key"), p256, inside).privateKeyPem);
    const key = pulumi.secret(new tls.PrivateKey(of("manager-key"), p256, inside).privateKeyPem);
    // Each has a name of its own, which X.509 allows 64 characters.
    const mark = number === 1 ? "" : ` (${number})`;
    const title = `muster ${stack.project}/${stack.name}`.slice(0, 64 - mark.length);
    const subject = { commonName: `${title}${mark}` };
    const ca = new tls.SelfSignedCert(of("ca"), { privateKeyPem: caKey, subject, ...signing }, inside);
    return { number, caKey, key, ca: ca.certPem, subject };
  }

  /** The newer CA as the older one certifies it, PEM. */
  #vouched(name: string, older: Generation, newer: Generation): pulumi.Output<string> {
    const inside = { parent: this };
    const request = new tls.CertRequest(
      `${name}-ca-request-${newer.number}`,
      { privateKeyPem: newer.caKey, subject: newer.subject },
      inside,
    );
    return new tls.LocallySignedCert(
      `${name}-ca-${newer.number}-by-${older.number}`,
      {
        certRequestPem: request.certRequestPem,
        caPrivateKeyPem: older.caKey,
        caCertPem: older.ca,
        ...signing,
      },
      inside,
    ).certPem;
  }
}
