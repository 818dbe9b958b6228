/** What is refused of the sections that belong to no pool: `aws`, `network`, `manager`, the secrets. */
import { test } from "vitest";
import { awsEntry as entry, existingVpc as vpc, refusal } from "./rig.ts";

const arn = (text: string) => `arn:aws:${text}`;

test.each<[string, Record<string, unknown>, string, RegExp, string[]?]>([
  [
    "no region",
    { aws: undefined },
    "muster:aws.region",
    /missing; pulumi config set --path muster:aws\.region/,
  ],
  ["a region that is none", { aws: { region: "Frankfurt" } }, "muster:aws.region", /such as eu-central-1/],
  [
    "a region that is not known",
    { aws: { region: "eu-centrel-1" } },
    "muster:network.zones",
    /did you mean eu-central-1/,
  ],
  ["an unknown key", { aws: { region: "eu-central-1", tag: {} } }, "muster:aws.tag", /did you mean tags/],
  [
    "an unknown key of the manager",
    { manager: { on: "aws", directory: "x" } },
    "muster:manager.directory",
    /not a setting/,
  ],
  [
    "public where all is private",
    { manager: { on: "aws", public: true } },
    "muster:manager.public",
    /leave it out/,
  ],
  [
    "an x64 manager",
    { manager: { on: "aws", type: "c7i.large" } },
    "muster:manager.type",
    /an x64 type; allowed is a Graviton/,
  ],
  ["a manager with a GPU", { manager: { on: "aws", type: "g5g.xlarge" } }, "muster:manager.type", /a GPU/],
  [
    "a manager that is not known",
    { manager: { on: "aws", type: "t4g.nanno" } },
    "muster:manager.type",
    /did you mean t4g\.nano/,
  ],
  ["a place", { manager: { on: "asw" } }, "muster:manager.on", /did you mean aws/],
  ["too many zones", { network: { zones: 9 } }, "muster:network.zones", /1 to 6/],
  [
    "a zone elsewhere",
    { network: { zones: ["eu-central-1a", "eu-west-1a"] } },
    "muster:network.zones.1",
    /no machines in eu-west-1/,
  ],
  [
    "a zone twice",
    { network: { zones: ["eu-central-1a", "eu-central-1a"] } },
    "muster:network.zones.1",
    /given once/,
  ],
  ["a VPC without subnets", { network: { vpcId: vpc.vpcId } }, "muster:network.subnetIds", /missing/],
  ["subnets without a VPC", { network: { subnetIds: vpc.subnetIds } }, "muster:network.vpcId", /missing/],
  [
    "a subnet's id",
    { network: { ...vpc, subnetIds: { a: "eu-central-1a" } } },
    "muster:network.subnetIds.a",
    /subnet-0123/,
  ],
  [
    "a subnet of another region",
    { network: { ...vpc, subnetIds: { "subnet-01234567": "us-east-1a" } } },
    "muster:network.subnetIds.subnet-01234567",
    /eu-central-1, the home region/,
  ],
  ["private with a VPC", { network: { ...vpc, private: true } }, "muster:network.private", /not a setting/],
  [
    "two regions in a VPC",
    { ...entry({ region: "us-east-1" }), network: vpc },
    "muster:network.vpcId",
    /in one region/,
  ],
  [
    "a key's alias",
    { aws: { region: "eu-central-1", kmsKeyId: "alias/muster" } },
    "muster:aws.kmsKeyId",
    /ARN of a key/,
  ],
  [
    "a key elsewhere",
    { aws: { region: "eu-central-1", kmsKeyId: arn("kms:us-east-1:123456789012:key/abc") } },
    "muster:aws.kmsKeyId",
    /a key in us-east-1/,
  ],
  [
    "a key and two regions",
    {
      ...entry({ region: "us-east-1" }),
      aws: { region: "eu-central-1", kmsKeyId: arn("kms:eu-central-1:123456789012:key/abc") },
    },
    "muster:aws.kmsKeyId",
    /of one region/,
  ],
  [
    "a boundary",
    { aws: { region: "eu-central-1", permissionsBoundary: "boundary" } },
    "muster:aws.permissionsBoundary",
    /ARN of a policy/,
  ],
  [
    "a proxy with a login",
    { aws: { region: "eu-central-1", proxy: "http://me:pw@proxy:3128" } },
    "muster:aws.proxy",
    /without a login/,
  ],
  ["noProxy alone", { aws: { region: "eu-central-1", noProxy: ["a"] } }, "muster:aws.noProxy", /no proxy/],
  ["a certificate", { aws: { region: "eu-central-1", extraCa: "x" } }, "muster:aws.extraCa", /PEM/],
  [
    "a tag of AWS",
    { aws: { region: "eu-central-1", tags: { "aws:a": "b" } } },
    "muster:aws.tags",
    /does not begin with aws:/,
  ],
  [
    "a prefix",
    { aws: { region: "eu-central-1", namePrefix: "Muster" } },
    "muster:aws.namePrefix",
    /small letters/,
  ],
  [
    "an address",
    { aws: { region: "eu-central-1", alarmsTo: "me" } },
    "muster:aws.alarmsTo",
    /address of mail/,
  ],
  ["a port", { manager: { on: "aws", agentsPort: 0 } }, "muster:manager.agentsPort", /1 to 65535/],
  [
    "the same port twice",
    { manager: { on: "aws", agentsPort: 7117 } },
    "muster:manager.agentsPort",
    /another port/,
  ],
  [
    "a parameter's name",
    { manager: { on: "aws", secretParameters: { githubToken: "token" } } },
    "muster:manager.secretParameters.githubToken",
    /begins with a slash/,
    [],
  ],
  [
    "a secret twice",
    { manager: { on: "aws", secretParameters: { githubToken: "/acme/token" } } },
    "muster:githubToken",
    /given twice/,
  ],
  [
    "a parameter that is not used",
    { manager: { on: "aws", secretParameters: { githubAppKey: "/acme/key" } } },
    "muster:manager.secretParameters.githubAppKey",
    /not used/,
  ],
  ["no credentials", {}, "muster:githubToken", /missing; pulumi config set --secret/, []],
])("%s is refused with what is allowed", (_what, values, path, text, secretKeys) => {
  refusal(values, path, text, secretKeys);
});
