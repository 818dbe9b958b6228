/** The shape of the settings that speak of AWS. Every message says what is allowed, since it stands behind the value. */
import * as z from "zod";
import { duration, port, text, wholeNumber, yesOrNo } from "../schema-parts.ts";

export const matching = (pattern: RegExp, allowed: string) => z.string(allowed).regex(pattern, allowed);
const listOrOne = <T extends z.ZodType>(item: T, allowed: string) =>
  z.union([z.array(item), item.transform((one) => [one])], allowed) as unknown as z.ZodType<z.output<T>[]>;

export const regionName = matching(
  /^[a-z]{2}(-[a-z]+)+-\d$/,
  "allowed is the name of a region of AWS, such as eu-central-1",
);
export const account = String.raw`arn:aws[a-z-]*`;
const emailAllowed = "allowed is an address of mail, or a list of them";
const email = matching(/^[^\s@,]+@[^\s@,]+\.[^\s@,]+$/, emailAllowed);
const groupId = matching(
  /^sg-[0-9a-f]{8,17}$/,
  "allowed is the id of a security group, such as sg-0123456789abcdef0",
);
export const securityGroupIds = z.array(groupId, "allowed is a list of ids of security groups");
const parameterName = matching(
  /^\/(?!aws\/|aws$|ssm\/|ssm$)[\w.-]+(\/[\w.-]+){0,14}$/i,
  "allowed is the name of an existing SSM parameter that begins with a slash, such as /acme/github-token",
);

const parameterFor = (secret: string) =>
  parameterName.optional().meta({
    description: `Name of an existing SSM parameter (SecureString, in the home region) in place of the secret \`muster:${secret}\`: then Pulumi's state never holds it.`,
    examples: ["/acme/muster/github"],
  });

/** `manager: { on: aws }`. */
export const awsManager = z.strictObject({
  on: z.literal("aws").meta({ description: "A machine of its own at AWS, in the home region." }),
  type: text("allowed is a Graviton machine type, such as t4g.nano")
    .optional()
    .meta({
      description:
        "Machine type of the manager, Graviton. Left out: t4g.nano up to 500 machines (the sum of all `max`), t4g.micro up to 2,000, t4g.small above.",
      examples: ["t4g.nano", "t4g.micro", "t4g.small"],
    }),
  public: yesOrNo.default(false).meta({
    description:
      "Open the one port that agents call to the internet (TLS). Only for stacks with machines out of reach of the manager's networks; refused in others.",
  }),
  port: port.default(7_117).meta({ description: "Page and metrics, on the machine's loopback." }),
  agentsPort: port.default(7_443).meta({ description: "TCP port that the machines call (TLS)." }),
  drainTimeout: duration.prefault("10m").meta({ description: "How long `destroy` waits for running jobs." }),
  ca: z
    .strictObject({
      generation: wholeNumber(1, 1_000).default(1).meta({
        description:
          "A number one higher makes a new CA and new keys for manager and machines; the old CA stays trusted until it is retired.",
      }),
      retired: wholeNumber(0, 999).default(0).meta({
        description:
          "CAs up to this generation are gone: machines that know no later one cannot call any more. At most two may exist.",
      }),
    })
    .prefault({}),
  secretParameters: z
    .strictObject({ githubToken: parameterFor("githubToken"), githubAppKey: parameterFor("githubAppKey") })
    .prefault({}),
});

const urlAllowed = "allowed is http://HOST:PORT or https://HOST:PORT, without a login";
const isProxy = (given: string) => {
  if (!/^https?:\/\/[^/]+\/?$/.test(given) || !URL.canParse(given)) return false;
  const { username, password } = new URL(given);
  return username === "" && password === "";
};
const tagAllowed =
  "allowed is a tag of AWS: letters, digits, spaces and + - = . _ : / @, a name of 1 to 128 that does not begin with aws: or muster:, a value of at most 256";
const tagText = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const tags = z
  .record(z.string(), z.string(tagAllowed).max(256, tagAllowed).regex(tagText, tagAllowed))
  .refine(
    (given) =>
      Object.keys(given).every(
        (key) => key.length >= 1 && key.length <= 128 && tagText.test(key) && !/^(aws|muster):/i.test(key),
      ),
    tagAllowed,
  )
  .refine(
    (given) => Object.keys(given).length <= 40,
    "allowed are at most 40 tags: AWS takes 50, and muster sets some",
  );

export const aws = z.strictObject({
  region: regionName.meta({
    description: "Home region: the manager's, and that of every backend that names no other.",
    examples: ["eu-central-1", "us-east-1"],
  }),
  tags: tags
    .prefault({})
    .meta({ description: "On every resource and machine, besides those that muster sets." }),
  namePrefix: matching(
    /^[a-z][a-z0-9-]{0,22}[a-z0-9]$/,
    "allowed are 2 to 24 small letters, digits and dashes, beginning with a letter",
  )
    .optional()
    .meta({
      description:
        "Stands before every name at AWS. Left out: `muster-STACK`. Another one replaces what carries the old names.",
    }),
  permissionsBoundary: matching(
    new RegExp(`^${account}:iam::(\\d{12}|aws):policy/[\\w+=,.@/-]+$`),
    "allowed is the ARN of a policy, such as arn:aws:iam::123456789012:policy/boundary",
  )
    .optional()
    .meta({ description: "ARN of the permissions boundary of every role that is made." }),
  kmsKeyId: matching(
    new RegExp(`^${account}:kms:[a-z0-9-]+:\\d{12}:key/[\\w-]+$`),
    "allowed is the ARN of a key (not of an alias), such as arn:aws:kms:eu-central-1:123456789012:key/ID",
  )
    .optional()
    .meta({
      description:
        "ARN of a customer key for volumes, buckets, parameters and logs, in the home region. Left out: the keys of AWS. Not in stacks of several regions.",
    }),
  proxy: z
    .string(urlAllowed)
    .refine(isProxy, urlAllowed)
    .optional()
    .meta({
      description: "HTTP proxy of manager and machines.",
      examples: ["http://proxy.acme.example:3128"],
    }),
  noProxy: z.array(text("allowed is a host name or address"), "allowed is a list of hosts").default([]).meta({
    description: "Hosts that are reached without the proxy; manager, metadata and loopback always are.",
  }),
  extraCa: z
    .string("allowed are certificates in PEM")
    .refine(
      (given) => given.includes("-----BEGIN CERTIFICATE-----") && !given.includes("PRIVATE KEY"),
      "allowed are certificates in PEM, and never a key",
    )
    .optional()
    .meta({
      description:
        "Certificates in PEM that manager and machines trust besides their own: of a proxy, or of a GitHub Enterprise Server.",
    }),
  cache: z
    .strictObject({
      days: wholeNumber(1, 365)
        .default(14)
        .meta({ description: "Entries that nobody used for so many days are removed." }),
      retain: yesOrNo
        .default(false)
        .meta({ description: "`destroy` leaves the bucket of the cache behind, and says so." }),
    })
    .prefault({})
    .meta({ description: "The bucket of the shared cache." }),
  alarmsTo: listOrOne(email, emailAllowed)
    .default([])
    .meta({ description: "Address of mail, or list of them, that gets alarms. Left out: no alarms." }),
});

const zonesAllowed =
  "allowed is a number of zones from 1 to 6, or a list of zones such as [eu-central-1a, eu-central-1b]";
const zoneName = matching(
  /^[a-z]{2}(-[a-z]+)+-\d[a-z]$/,
  "allowed is the name of a zone, such as eu-central-1a",
);

/** A network of the stack's own. */
export const ownNetwork = z.strictObject({
  private: yesOrNo.default(false).meta({
    description:
      "True: machines have no public address and go out through one NAT gateway a region, which costs by the hour. False: public addresses, and nothing may call in.",
  }),
  zones: z
    .union(
      [z.int(zonesAllowed).min(1, zonesAllowed).max(6, zonesAllowed), z.array(zoneName).min(1)],
      zonesAllowed,
    )
    .default(3)
    .meta({
      description:
        "How many zones of each region, or their names. The more, the likelier a machine is to be had. Names are needed in regions that muster does not know.",
    }),
});

/** A network that is there. */
export const existingNetwork = z.strictObject({
  vpcId: matching(/^vpc-[0-9a-f]{8,17}$/, "allowed is the id of a VPC, such as vpc-0123456789abcdef0").meta({
    description:
      "An existing VPC: nothing of it is made, changed or destroyed. The stack then has one region.",
  }),
  subnetIds: z
    .record(
      z
        .string()
        .regex(/^subnet-[0-9a-f]{8,17}$/, "allowed is the id of a subnet, such as subnet-0123456789abcdef0"),
      zoneName,
    )
    .refine((given) => Object.keys(given).length > 0, "allowed is at least one subnet with its zone")
    .meta({
      description:
        "Its subnets with their zones: `subnet-0123456789abcdef0: eu-central-1a`. They need a way to GitHub; an S3 endpoint saves money.",
    }),
  public: yesOrNo.default(false).meta({
    description:
      "True: the subnets lead to an internet gateway, not to a NAT gateway, and give machines public addresses (auto-assign). The manager then gets an Elastic IP, for its way out alone: nothing more may call it. False: they have another way out.",
  }),
  securityGroupIds: securityGroupIds.default([]).meta({
    description: "Security groups that every machine and the manager get besides those that are made.",
  }),
});
