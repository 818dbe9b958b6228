import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { Endpoint } from "../../../infra/aws/endpoint.ts";
import { contextOf, graphOf } from "./graph.ts";

const endpointOf = (options: { public?: boolean; reach?: "private" | "public"; generation?: number } = {}) =>
  graphOf(() => {
    const { public: open = false, reach = "private", generation = 1 } = options;
    const { addresses, publicAddress, caKey, certificateKey, ca } = new Endpoint("e", {
      context: contextOf(),
      network: {
        managerSubnet: { id: pulumi.output("subnet-1"), zone: "eu-central-1a", public: open },
        managerGroupId: pulumi.output("sg-manager"),
      },
      manager: { reach, agentsPort: 7443 },
      generation,
    });
    const secret = pulumi.all([pulumi.isSecret(caKey), pulumi.isSecret(certificateKey), pulumi.isSecret(ca)]);
    return { addresses, publicAddress, secret };
  });
const certificates = (graph: Awaited<ReturnType<typeof endpointOf>>) =>
  graph.made.filter(({ type }) => type.startsWith("tls:")).map(({ name }) => name);

test("the address is an interface of its own, behind the manager's group", async () => {
  const { one, all } = await endpointOf();
  expect(one("ec2/networkInterface:NetworkInterface", "e-address")).toMatchObject({
    subnetId: "subnet-1",
    securityGroups: ["sg-manager"],
  });
  expect(all("ec2/networkInterface:NetworkInterface")[0]!.options.deleteBeforeReplace).toBe(true);
});

test("in a private subnet there is no address of the internet", async () => {
  const graph = await endpointOf();
  expect(graph.all("ec2/eip:Eip")).toEqual([]);
  expect(graph.result).toMatchObject({ addresses: ["10.64.16.10"], publicAddress: null });
});

test("in a public subnet the way out needs one, which agents are not told when they come privately", async () => {
  const graph = await endpointOf({ public: true });
  expect(graph.one("ec2/eip:Eip", "e-elastic")).toMatchObject({ networkInterface: "e-address-id" });
  expect(graph.result).toMatchObject({ addresses: ["10.64.16.10"], publicAddress: "203.0.113.7" });
});

test("where agents come over the internet both addresses are theirs and in the certificate, the private one first", async () => {
  const graph = await endpointOf({ public: true, reach: "public" });
  expect(graph.result.addresses).toEqual(["10.64.16.10", "203.0.113.7"]);
  const request = graph.made.find(({ type }) => type.endsWith(":CertRequest"))!.inputs;
  expect(request).toMatchObject({
    ipAddresses: ["10.64.16.10", "203.0.113.7"],
    dnsNames: ["manager.muster.internal"],
  });
});

test("keys are P-256 and secret; certificates hold for 20 years and are not renewed before", async () => {
  const graph = await endpointOf();
  const of = (type: string) => graph.made.filter((one) => one.type.endsWith(`:${type}`));
  for (const { inputs } of of("PrivateKey"))
    expect(inputs).toEqual({ algorithm: "ECDSA", ecdsaCurve: "P256" });
  const issued = [...of("SelfSignedCert"), ...of("LocallySignedCert")].map(({ inputs }) => inputs);
  expect(issued).toHaveLength(2);
  for (const inputs of issued)
    expect(inputs).toMatchObject({ validityPeriodHours: 175_320, earlyRenewalHours: 0 });
  expect(graph.result.secret).toEqual([true, true, false]);
});

test("the manager's certificate has another subject than its issuer and cannot sign others", async () => {
  const graph = await endpointOf();
  const of = (type: string) => graph.made.find((one) => one.type.endsWith(`:${type}`))!.inputs;
  expect(of("CertRequest").subject).not.toEqual(of("SelfSignedCert").subject);
  expect(of("LocallySignedCert").allowedUses).toEqual(["digital_signature", "server_auth"]);
  expect(of("LocallySignedCert").isCaCertificate).toBeUndefined();
});

test("a raised generation makes everything of the identity anew, beside the old", async () => {
  const [first, second] = [
    certificates(await endpointOf()),
    certificates(await endpointOf({ generation: 2 })),
  ];
  expect(first).toHaveLength(5);
  expect(second).toHaveLength(5);
  expect(first.filter((name) => second.includes(name))).toEqual([]);
});
