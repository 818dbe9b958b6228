/**
 * The stack's own CA and the manager's certificate. Machines pin the CA in their user data; the CA's key is also the
 * root of the session keys, and with the certificate's key the only randomness in state, where both are secret.
 */
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

export interface IdentityArgs {
  stack: { project: string; name: string };
  /** IPv4 as text. */
  addresses: pulumi.Input<string[]>;
  /** Part of the resources' names, so that a raised one makes new keys while those of the old one still exist. */
  generation: number;
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

export class Identity extends pulumi.ComponentResource {
  /** PEM. */
  readonly ca: pulumi.Output<string>;
  /** PEM. */
  readonly certificate: pulumi.Output<string>;
  /** PEM, secret. */
  readonly caKey: pulumi.Output<string>;
  /** PEM, secret. */
  readonly certificateKey: pulumi.Output<string>;

  constructor(name: string, args: IdentityArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:Identity", name, {}, opts);
    const { stack, addresses, generation } = args;
    const inside = { parent: this };
    // X.509 allows a common name 64 characters.
    const title = `muster ${stack.project}/${stack.name}`.slice(0, 64);
    const of = (part: string) => `${name}-${part}-${generation}`;

    const caKey = new tls.PrivateKey(of("ca-key"), p256, inside);
    this.caKey = pulumi.secret(caKey.privateKeyPem);
    const ca = new tls.SelfSignedCert(
      of("ca"),
      {
        privateKeyPem: this.caKey,
        subject: { commonName: title },
        isCaCertificate: true,
        setSubjectKeyId: true,
        allowedUses: ["cert_signing", "crl_signing"],
        ...lasting,
      },
      inside,
    );
    const key = new tls.PrivateKey(of("manager-key"), p256, inside);
    this.certificateKey = pulumi.secret(key.privateKeyPem);
    const request = new tls.CertRequest(
      of("manager-request"),
      {
        privateKeyPem: this.certificateKey,
        // Another than the CA's: a certificate whose subject is its issuer passes for one that signed itself.
        subject: { commonName: managerDnsName },
        ipAddresses: addresses,
        dnsNames: [managerDnsName],
      },
      inside,
    );
    const certificate = new tls.LocallySignedCert(
      of("manager"),
      {
        certRequestPem: request.certRequestPem,
        caPrivateKeyPem: this.caKey,
        caCertPem: ca.certPem,
        allowedUses: ["digital_signature", "server_auth"],
        ...lasting,
      },
      inside,
    );
    this.ca = ca.certPem;
    this.certificate = certificate.certPem;
    this.registerOutputs();
  }
}
