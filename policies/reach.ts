/** Nothing open to the world, but for the one rule that `muster:manager.public` asks for. */
import { ofType, violation, type Policy, type Resource } from "./policy.ts";
import { isUnknown, list, plain, statements, texts, type Fields } from "./values.ts";

/** Shorter prefixes than these hold a good part of the internet; `0.0.0.0/1` twice is the world as well. */
const shortest = { v4: 8, v6: 16 };

const isWorld = (cidr: string): boolean => {
  const [address = "", length = ""] = cidr.split("/");
  return Number(length) < (address.includes(":") ? shortest.v6 : shortest.v4);
};

interface Rule {
  resource: Resource;
  from: readonly string[];
  protocol: string;
  ports: readonly [unknown, unknown];
  /** A resource of its own, which can be the exception. */
  alone: boolean;
}

const rule = (resource: Resource, fields: Fields, alone: boolean): Rule => ({
  resource,
  from: ["cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks"].flatMap((key) => texts(fields[key])),
  protocol: String(plain(fields["ipProtocol"] ?? fields["protocol"])),
  ports: [plain(fields["fromPort"]), plain(fields["toPort"])],
  alone,
});

const incoming = (resources: readonly Resource[]): Rule[] => [
  ...ofType(resources, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").map((one) =>
    rule(one, one.inputs, true),
  ),
  ...ofType(resources, "aws:ec2/securityGroupRule:SecurityGroupRule")
    .filter(({ inputs }) => plain(inputs["type"]) === "ingress")
    .map((one) => rule(one, one.inputs, false)),
  ...ofType(
    resources,
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
  ).flatMap((one) => list(one.inputs["ingress"]).map((fields) => rule(one, fields, false))),
];

/** The rule that `muster:manager.public: true` makes has this name and opens the agents' port alone. */
const isException = ({ resource, protocol, ports: [from, to], alone }: Rule): boolean =>
  alone &&
  resource.name.endsWith("-manager-public") &&
  protocol === "tcp" &&
  from === to &&
  from !== undefined;

export const nothingOpen: Policy = {
  name: "nothing-open-to-the-world",
  what: "No rule lets the world in, but for the agents' port of a manager with muster:manager.public: true.",
  why: "Runners and manager call out; whatever can be called from anywhere will be.",
  scope: "stack",
  check: (resources) => {
    const open = incoming(resources).filter(({ from }) =>
      from.some((cidr) => !isUnknown(cidr) && isWorld(cidr)),
    );
    const [, ...furtherExceptions] = open.filter(isException);
    const wrong = [...open.filter((one) => !isException(one)), ...furtherExceptions];
    return wrong.map(({ resource, from, protocol, ports: [first, last] }) => {
      const what = protocol === "-1" ? "everything" : `${protocol} ${String(first)} to ${String(last)}`;
      return violation(
        resource,
        `opens ${what} to ${from.filter(isWorld).join(" and ")}`,
        "name the addresses or the security group that may call; only muster:manager.public opens a port, and one",
      );
    });
  },
};

/** Resources whose policy says who may use them, with the input that holds it. */
const documents: Readonly<Record<string, string>> = {
  "aws:s3/bucketPolicy:BucketPolicy": "policy",
  "aws:sns/topicPolicy:TopicPolicy": "policy",
  "aws:iam/role:Role": "assumeRolePolicy",
  "aws:kms/key:Key": "policy",
};

export const nobodyUnnamed: Policy = {
  name: "nobody-unnamed-in-policies",
  what: "No policy of a bucket, topic, role or key allows anything to everybody.",
  why: "A principal `*` is every account of AWS, and often everybody without one.",
  scope: "resource",
  check: (resources) =>
    resources.flatMap((resource) => {
      const input = documents[resource.type];
      if (input === undefined) return [];
      const open = (statements(resource.inputs[input]) ?? []).filter(
        ({ effect, principals, conditions }) =>
          effect === "Allow" && principals.includes("*") && Object.keys(conditions).length === 0,
      );
      return open.map(({ actions }) =>
        violation(
          resource,
          `allows ${actions.join(", ")} to everybody`,
          "name the principals, or say in a condition who is meant",
        ),
      );
    }),
};
