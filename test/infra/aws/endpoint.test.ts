import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { Endpoint } from "../../../infra/aws/endpoint.ts";
import { Identity } from "../../../infra/aws/identity.ts";
import { contextOf, graphOf } from "./graph.ts";

const endpointOf = (
  options: { public?: boolean; reach?: "private" | "public"; generations?: readonly number[] } = {},
) =>
  graphOf(() => {
    const { public: open = false, reach = "private", generations = [1] } = options;
    const { addresses, publicAddress, keys, ca, certificate } = new Endpoint("e", {
      context: contextOf(),
      network: {
        managerSubnet: { id: pulumi.output("subnet-1"), zone: "eu-central-1a", public: open },
        managerGroupId: pulumi.output("sg-manager"),
      },
      manager: { reach, agentsPort: 7443, caGenerations: generations },
    });
    const secret = pulumi.all([...Object.values(keys).map(({ value }) => value), ca].map(pulumi.isSecret));
    return { addresses, publicAddress, secret, keys, ca, certificate };
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

test("while the CA is exchanged what the old one has stays, and the new one comes beside it", async () => {
  const [first, both, last] = [
    await endpointOf(),
    await endpointOf({ generations: [1, 2] }),
    await endpointOf({ generations: [2] }),
  ].map(certificates);
  // Only the certificate that the old CA signed goes with the first step; its key stays for settings that are put back.
  expect(first!.filter((name) => !both!.includes(name))).toEqual([
    "e-identity-manager-1",
    "e-identity-manager-request-1",
  ]);
  expect(both!.filter((name) => !last!.includes(name))).toEqual([
    "e-identity-ca-1",
    "e-identity-ca-2-by-1",
    "e-identity-ca-key-1",
    "e-identity-ca-request-2",
    "e-identity-manager-key-1",
  ]);
  expect(last!.filter((name) => !both!.includes(name))).toEqual([]);
});

test("both CAs are pinned, the new one's certificate is presented with the old one's word for the new, and all keys are there", async () => {
  const { result, made } = await endpointOf({ generations: [1, 2] });
  const count = (text: string) => text.split("BEGIN CERTIFICATE").length - 1;
  expect([count(result.ca), count(result.certificate)]).toEqual([2, 2]);
  expect(Object.entries(result.keys).map(([secret, { parameter }]) => [secret, parameter])).toEqual([
    ["caKey", "caKey-2"],
    ["certificateKey", "certificateKey-2"],
    ["earlierCaKey", "caKey-1"],
    ["earlierCertificateKey", "certificateKey-1"],
  ]);
  expect(result.secret).toEqual([true, true, true, true, false]);
  const vouched = made.find(({ name }) => name === "e-identity-ca-2-by-1")!.inputs;
  expect(vouched).toMatchObject({
    isCaCertificate: true,
    validityPeriodHours: 175_320,
    earlyRenewalHours: 0,
  });
});

test("CAs that exist at the same time have different names, however long the stack's is", async () => {
  const stack = { project: "muster", name: "s".repeat(80) };
  const { made } = await graphOf(() => new Identity("i", { stack, addresses: [], generations: [9, 10] }).ca);
  const names = made
    .filter(({ type }) => type.endsWith(":SelfSignedCert"))
    .map(({ inputs }) => inputs.subject.commonName as string);
  expect(names.map((name) => name.length)).toEqual([64, 64]);
  expect(new Set(names).size).toBe(2);
});
