import { describe as group, expect, test } from "vitest";
import { policies, violations } from "../../policies/index.ts";
import type { Resource } from "../../policies/policy.ts";
import { secret } from "../../policies/values.ts";
import { goodStack, resource, tlsPolicy, withInputs } from "./graph.ts";

const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const ingress = "muster:aws:Network$aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const openPolicy = (extra: object = {}) =>
  JSON.stringify({ Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject", ...extra }] });
/** Put together here, so that nothing in this repository looks like one. */
const privateKey = ["-----BEGIN EC", "PRIVATE KEY-----\nMHcCAQ"].join(" ");
const token = ["ghp", "0123456789abcdefghijABCDEFGHIJ012345"].join("_");

const found = (resources: readonly Resource[]) =>
  violations(resources).map(({ policy, resource: name, problem }) => `${policy}: ${name} ${problem}`);

test("a stack as it should be passes every policy", () => {
  expect(found(goodStack())).toEqual([]);
});

const planted: [policy: string, what: string, resources: () => Resource[], expected: string][] = [
  [
    "nothing-open-to-the-world",
    "a rule that lets everybody in",
    () => withInputs("home-manager-peer-65", { cidrIpv4: "0.0.0.0/0" }),
    "home-manager-peer-65 opens tcp 7118 to 7118 to 0.0.0.0/0",
  ],
  [
    "nothing-open-to-the-world",
    "half of the world over IPv6",
    () => withInputs("home-manager-peer-65", { cidrIpv4: undefined, cidrIpv6: "8000::/1" }),
    "home-manager-peer-65 opens tcp 7118 to 7118 to 8000::/1",
  ],
  [
    "nothing-open-to-the-world",
    "a second port under the exception's name",
    () => [
      ...goodStack(),
      resource(ingress, "peer-manager-public", {
        ipProtocol: "tcp",
        fromPort: 22,
        toPort: 22,
        cidrIpv4: "0.0.0.0/0",
      }),
    ],
    "peer-manager-public opens tcp 22 to 22 to 0.0.0.0/0",
  ],
  [
    "nothing-open-to-the-world",
    "more than one port in the exception",
    () => withInputs("home-manager-public", { toPort: 7120 }),
    "home-manager-public opens tcp 7118 to 7120 to 0.0.0.0/0",
  ],
  [
    "nothing-open-to-the-world",
    "a rule inside a security group",
    () => withInputs("group", { ingress: [{ protocol: "-1", cidrBlocks: ["10.0.0.0/8", "0.0.0.0/0"] }] }),
    "group opens everything to 0.0.0.0/0",
  ],
  [
    "nobody-unnamed-in-policies",
    "a role for everybody",
    () => withInputs("manager-role", { assumeRolePolicy: openPolicy() }),
    "manager-role allows s3:GetObject to everybody",
  ],
  [
    "no-instance-profile-on-runners",
    "a profile on a pool's template",
    () => withInputs("arm64-spot", { iamInstanceProfile: { name: "admin" } }),
    "arm64-spot gives jobs the rights of an instance profile",
  ],
  [
    "metadata-version-2-one-hop",
    "metadata without a token",
    () =>
      withInputs("arm64-spot", { metadataOptions: { httpTokens: "optional", httpPutResponseHopLimit: 1 } }),
    "arm64-spot answers metadata calls without a token",
  ],
  [
    "metadata-version-2-one-hop",
    "two hops",
    () =>
      withInputs("arm64-spot", { metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 2 } }),
    "arm64-spot lets metadata answers pass on to containers",
  ],
  [
    "metadata-version-2-one-hop",
    "a template without a word on metadata",
    () => withInputs("manager-lt", { metadataOptions: undefined }),
    "manager-lt says nothing of instance metadata, so that its first version answers",
  ],
  [
    "volumes-encrypted",
    "a volume in clear",
    () => withInputs("manager-volume", { encrypted: false }),
    "manager-volume is in clear",
  ],
  [
    "volumes-encrypted",
    "a template's volume in clear",
    () => withInputs("arm64-spot", { blockDeviceMappings: [{ deviceName: "/dev/sda1", ebs: {} }] }),
    "arm64-spot leaves /dev/sda1 in clear",
  ],
  [
    "volumes-encrypted",
    "a template that leaves it to the image",
    () => withInputs("arm64-spot", { blockDeviceMappings: undefined }),
    "arm64-spot says nothing of its volumes, so that the image decides whether they are encrypted",
  ],
  [
    "volumes-encrypted",
    "an instance without a template",
    () =>
      withInputs("manager", {
        launchTemplate: undefined,
        metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 },
      }),
    "manager says nothing of its root volume",
  ],
  [
    "buckets-encrypted",
    "a bucket without encryption",
    () => withInputs("cache-encryption", null),
    "cache says nothing of encryption",
  ],
  [
    "topics-and-logs-under-the-own-key",
    "a topic without the stack's key",
    () => withInputs("alarms", { kmsMasterKeyId: undefined }),
    "alarms does not use the stack's own key",
  ],
  [
    "secret-parameters-secure",
    "a secret in a plain parameter",
    () => withInputs("manager-token", { type: "String" }),
    "manager-token keeps a secret as a plain parameter",
  ],
  [
    "topics-and-logs-under-the-own-key",
    "a log group without the stack's key",
    () => withInputs("logs", { kmsKeyId: undefined }),
    "logs does not use the stack's own key",
  ],
  [
    "buckets-private",
    "a bucket that blocks nothing",
    () => withInputs("cache-private", null),
    "cache does not block public access",
  ],
  [
    "buckets-private",
    "a bucket that blocks three of four ways",
    () => withInputs("cache-private", { restrictPublicBuckets: false }),
    "cache-private leaves a way to public access",
  ],
  [
    "buckets-tls-only",
    "a bucket without a policy",
    () => withInputs("cache-policy", null),
    "cache has no policy, so that it answers plain HTTP",
  ],
  [
    "buckets-tls-only",
    "a policy that denies only reading",
    () => withInputs("cache-policy", { policy: tlsPolicy.replace("s3:*", "s3:GetObject") }),
    "cache-policy lets its bucket answer plain HTTP",
  ],
  [
    "tagged-with-the-stack",
    "a provider without default tags",
    () => withInputs("eu-central-1", { defaultTags: undefined }).filter(({ name }) => !name.includes("-lt")),
    "group lacks the tag muster:stack",
  ],
  [
    "tagged-with-the-stack",
    "a template whose volumes carry nothing",
    () => withInputs("arm64-spot", { tagSpecifications: [{ resourceType: "instance", tags: { a: "b" } }] }),
    "arm64-spot makes instance and volume and network-interface without the tag muster:stack",
  ],
  [
    "no-secret-in-clear",
    "a private key in user data",
    () => withInputs("arm64-spot", { userData: `key: ${privateKey}` }),
    "arm64-spot has a private key in clear at userData",
  ],
  [
    "no-secret-in-clear",
    "a private key in user data as EC2 wants it",
    () => withInputs("arm64-spot", { userData: Buffer.from(`key: ${privateKey}`).toString("base64") }),
    "arm64-spot has a private key in clear at userData",
  ],
  [
    "no-secret-in-clear",
    "a token deep inside",
    () => withInputs("manager", { tags: { notes: ["a", token] } }),
    "manager has a token of GitHub in clear at tags.notes.1",
  ],
  [
    "no-secret-in-clear",
    "what is secret elsewhere",
    () => withInputs("manager", { userData: "export T=the-token-itself" }),
    "manager has a value that is secret elsewhere in clear at userData",
  ],
  [
    "no-secret-in-outputs",
    "a marked secret among the outputs",
    () =>
      goodStack().map((one, index) => (index === 0 ? { ...one, outputs: { a: { b: "[secret]" } } } : one)),
    "muster-dev has a secret in its output a.b",
  ],
  [
    "providers-explicit",
    "a default provider",
    () =>
      goodStack().map((one) =>
        one.name === "ca"
          ? { ...one, provider: "urn:pulumi:dev::muster::pulumi:providers:tls::default_5_6_1" }
          : one,
      ),
    "ca is made by a default provider",
  ],
  [
    "providers-explicit",
    "a provider that takes its region from the shell",
    () => withInputs("eu-central-1", { region: undefined }),
    "eu-central-1 names no region",
  ],
];

group("a planted violation is found by its policy, which names the resource", () => {
  test.each(planted)("%s: %s", (policy, _what, resources, expected) => {
    expect(found(resources())).toContain(`${policy}: ${expected}`);
  });

  test("and nobody else complains of a single one", () => {
    const several = new Set(["a provider without default tags"]);
    for (const [policy, what, resources, expected] of planted)
      if (!several.has(what)) expect(found(resources())).toEqual([`${policy}: ${expected}`]);
  });

  test("every policy has one", () => {
    expect(new Set(planted.map(([policy]) => policy))).toEqual(new Set(policies.map(({ name }) => name)));
  });
});

test("what a preview cannot know yet is no violation", () => {
  expect(found(withInputs("cache-policy", { bucket: unknown, policy: unknown }))).toEqual([]);
  expect(found(withInputs("home-manager-peer-65", { cidrIpv4: unknown }))).toEqual([]);
  expect(found(withInputs("manager-token", { value: secret(unknown) }))).toEqual([]);
});

test("a condition may say who is meant by everybody", () => {
  const conditioned = openPolicy({ Condition: { StringEquals: { "aws:PrincipalOrgID": "o-1" } } });
  const both = JSON.stringify({
    Statement: [tlsPolicy, conditioned].flatMap(
      (text) => (JSON.parse(text) as { Statement: object }).Statement,
    ),
  });
  expect(found(withInputs("cache-policy", { policy: both }))).toEqual([]);
});

test("no message repeats a secret", () => {
  const texts = JSON.stringify([
    ...violations(withInputs("arm64-spot", { userData: privateKey })),
    ...violations(withInputs("manager", { tags: { token, other: "the-token-itself" } })),
  ]);
  for (const hidden of [token, "MHcCAQ", "the-token-itself"]) expect(texts).not.toContain(hidden);
});

test("names are unique, and what, why and cure are sentences", () => {
  expect(new Set(policies.map(({ name }) => name)).size).toBe(policies.length);
  for (const { what, why } of policies) expect(`${what} ${why}`).toMatch(/^[A-Z][^]*\. [A-Z][^]*\.$/);
});
