/** What of the settings belongs to AWS and to no pool: regions, network, names, the manager's machine. */
import { createHash } from "node:crypto";
import { zones as knownZones } from "../catalog/regions.ts";
import { type Currency, catalogType, typeNames } from "../catalog.ts";
import { nearest } from "../nearest.ts";
import { defined, isRecord, type Reader } from "../reader.ts";
import { type BackendKind, reachOf } from "../reach.ts";
import type * as z from "zod";
import { machineTypeOf } from "./prices.ts";
import * as schema from "./schema.ts";
import type {
  AwsBackendSettings,
  AwsManagerSettings,
  AwsNetwork,
  AwsRegion,
  AwsSettings,
} from "./settings.ts";
import { checkUserData } from "./user-data.ts";

export type AwsSection = z.output<typeof schema.aws>;
type Existing = z.output<typeof schema.existingNetwork>;
type Own = z.output<typeof schema.ownNetwork>;
type NetworkSection = { kind: "existing"; given: Existing } | { kind: "own"; given: Own };

/** The section without what depends on others. */
export const readAws = (value: unknown, reader: Reader): AwsSection | null => {
  if (value !== undefined) return reader.section(["aws"], schema.aws, value);
  reader.refuse(
    ["aws", "region"],
    undefined,
    `missing; pulumi config set --path muster:aws.region eu-central-1 -s ${reader.stack}`,
  );
  return null;
};

/** Whoever names a VPC means an existing one: only one of the two shapes then explains what is wrong. */
export const readNetwork = (value: unknown, reader: Reader): NetworkSection | null => {
  const given = value ?? {};
  if (isRecord(given) && ("vpcId" in given || "subnetIds" in given)) {
    const existing = reader.section(["network"], schema.existingNetwork, given);
    return existing && { kind: "existing", given: existing };
  }
  const own = reader.section(["network"], schema.ownNetwork, given);
  return own && { kind: "own", given: own };
};

/** The second number of the first region's network; each further region has the next. */
const firstNetwork = 64;

const zonesOf = (region: string, { zones: wish }: Own, reader: Reader): readonly string[] => {
  const known = knownZones[region];
  if (Array.isArray(wish)) {
    const ours = wish.filter((zone) => zone.slice(0, -1) === region);
    if (ours.length === 0)
      reader.refuse(
        ["network", "zones"],
        wish,
        `none of them is in ${region}, where the stack has machines${known ? `; known there: ${known.join(", ")}` : ""}`,
      );
    return ours;
  }
  if (!known) {
    reader.refuse(
      ["network", "zones"],
      wish,
      `the zones of ${region} are not known${meant(region)}; allowed is a list of them, such as [${region}a, ${region}b]`,
    );
    return [];
  }
  return known.slice(0, wish);
};

const meant = (region: string): string => {
  const near = nearest(region, Object.keys(knownZones));
  return near === null ? "" : ` (did you mean ${near}?)`;
};

const checkZones = (network: Own, regions: readonly string[], reader: Reader) => {
  const { zones: wish } = network;
  if (!Array.isArray(wish)) return;
  for (const [index, zone] of wish.entries()) {
    const region = zone.slice(0, -1);
    if (!regions.includes(region))
      reader.refuse(
        ["network", "zones", index],
        zone,
        `the stack has no machines in ${region}; its regions: ${regions.join(", ")}`,
      );
    else if (wish.indexOf(zone) < index)
      reader.refuse(["network", "zones", index], zone, "each zone may be given once");
  }
};

/** At most 24 characters, since the names of roles and buckets are short. */
export const defaultPrefix = (stack: string): string => {
  const plain = `muster-${stack.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`.replace(/-+$/, "");
  if (plain === `muster-${stack}` && plain.length <= 24) return plain;
  // Shortened or rewritten, two stacks could share it.
  const mark = createHash("sha256").update(stack).digest("hex").slice(0, 6);
  return `${plain.slice(0, 17).replace(/-+$/, "")}-${mark}`;
};

export const awsSettings = (
  section: AwsSection,
  network: NetworkSection,
  backends: readonly AwsBackendSettings[],
  stack: string,
  reader: Reader,
): AwsSettings => {
  const home = section.region;
  const names = [home, ...new Set(backends.map(({ region }) => region).filter((name) => name !== home))];
  if (network.kind === "own") checkZones(network.given, names, reader);
  else checkExisting(network.given, names, reader);
  if (section.kmsKeyId !== undefined) checkKey(section.kmsKeyId, names, reader);
  if (section.proxy === undefined && section.noProxy.length > 0)
    reader.refuse(["aws", "noProxy"], section.noProxy, "there is no proxy; leave it out, or set aws.proxy");
  const region = (name: string, index: number): AwsRegion => ({
    name,
    zones: network.kind === "own" ? zonesOf(name, network.given, reader) : [],
    cidr: `10.${firstNetwork + index}.0.0/16`,
  });
  const settings = {
    regions: [region(home, 0), ...names.slice(1).map((name, index) => region(name, index + 1))],
    network: networkOf(network),
    tags: section.tags,
    namePrefix: section.namePrefix ?? defaultPrefix(stack),
    permissionsBoundary: section.permissionsBoundary ?? null,
    kmsKeyId: section.kmsKeyId ?? null,
    proxy: section.proxy === undefined ? null : { url: section.proxy, noProxy: section.noProxy },
    extraCa: section.extraCa ?? null,
    alarmsTo: section.alarmsTo,
    cache: section.cache,
  } satisfies AwsSettings;
  checkUserData(settings, reader);
  return settings;
};

const networkOf = (network: NetworkSection): AwsNetwork =>
  network.kind === "own"
    ? { kind: "own", private: network.given.private }
    : {
        kind: "existing",
        vpcId: network.given.vpcId,
        subnets: Object.entries(network.given.subnetIds).map(([id, zone]) => ({ id, zone })),
        public: network.given.public,
        securityGroupIds: network.given.securityGroupIds,
      };

const checkExisting = ({ subnetIds, vpcId }: Existing, regions: readonly string[], reader: Reader) => {
  const [home = "", ...others] = regions;
  if (others.length > 0)
    reader.refuse(
      ["network", "vpcId"],
      vpcId,
      `an existing VPC is in one region, and the pools use ${regions.join(" and ")}; allowed are pools in ${home} alone, or a network of the stack's own`,
    );
  for (const [id, zone] of Object.entries(subnetIds))
    if (zone.slice(0, -1) !== home)
      reader.refuse(["network", "subnetIds", id], zone, `allowed is a zone of ${home}, the home region`);
};

const checkKey = (arn: string, regions: readonly string[], reader: Reader) => {
  const region = arn.split(":")[3]!;
  if (regions.length > 1)
    reader.refuse(
      ["aws", "kmsKeyId"],
      arn,
      `a key is of one region, and the pools use ${regions.join(" and ")}; allowed are pools in one region, or the keys of AWS`,
    );
  else if (region !== regions[0])
    reader.refuse(["aws", "kmsKeyId"], arn, `a key in ${region}; allowed is one in ${regions[0]}`);
};

/** Machines that each type manages in its memory, smallest first. */
export const managerSizes = [
  { type: "t4g.nano", machines: 500 },
  { type: "t4g.micro", machines: 2_000 },
  { type: "t4g.small", machines: Infinity },
] as const;

export interface ManagerFacts {
  home: string;
  currency: Currency;
  /** Sum of the pools' `max`. */
  machines: number;
  kinds: Iterable<BackendKind>;
}

export const awsManagerSettings = (
  section: z.output<typeof schema.awsManager>,
  { home, currency, machines, kinds }: ManagerFacts,
  reader: Reader,
): AwsManagerSettings | null => {
  const fitting = managerSizes.find((size) => machines <= size.machines)!;
  const name = section.type ?? fitting.type;
  const type = catalogType(name);
  const here = ["manager", "type"];
  const reach = reachOf("aws", kinds);
  if (reach === "public" && !section.public)
    reader.refuse(
      ["manager", "public"],
      false,
      `machines of ${[...kinds].join(" and ")} reach the manager over the internet only; allow it with ` +
        `pulumi config set --path muster:manager.public true -s ${reader.stack}: one port, TLS`,
    );
  if (reach === "private" && section.public)
    reader.refuse(
      ["manager", "public"],
      true,
      "every machine of this stack reaches the manager privately; leave it out, so that nothing is open to the internet",
    );
  if (section.agentsPort === section.port)
    reader.refuse(["manager", "agentsPort"], section.agentsPort, "the page has it; allowed is another port");
  if (!type || type.arch !== "arm64" || type.gpus > 0) {
    const near = nearest(
      name,
      typeNames.filter((one) => catalogType(one)?.arch === "arm64"),
    );
    const is = !type ? "not a type that muster knows" : type.gpus > 0 ? "a type with a GPU" : "an x64 type";
    reader.refuse(
      here,
      name,
      `${is}; allowed is a Graviton type without a GPU, such as t4g.nano${near === null || near === name ? "" : `; did you mean ${near}?`}`,
    );
    return null;
  }
  const { generation, retired } = section.ca;
  if (retired >= generation)
    reader.refuse(
      ["manager", "ca", "retired"],
      retired,
      `allowed is less than ca.generation, which is ${generation}: one CA must be left, and a retired one does not come back`,
    );
  if (generation - retired > 2)
    reader.refuse(
      ["manager", "ca", "generation"],
      generation,
      `machines can know two CAs at a time, and ${retired + 1} to ${generation} would exist; allowed is ${retired + 2}, ` +
        `or ca.retired: ${generation - 2}, once no machine is left that knows only those`,
    );
  const small = managerSizes.find((size) => size.type === name);
  if (small && machines > small.machines)
    reader.warn(
      here,
      `${name} manages up to ${small.machines} machines, and the pools' max come to ${machines}; better ${fitting.type}`,
    );
  return {
    on: "aws",
    type: machineTypeOf(
      type,
      { region: home, market: "on-demand", price: undefined, currency },
      here,
      reader,
    ),
    reach,
    caGenerations: Array.from({ length: generation - retired }, (_, index) => retired + 1 + index),
    agentsPort: section.agentsPort,
    port: section.port,
    drainTimeoutSeconds: section.drainTimeout,
    secretParameters: defined(section.secretParameters),
  };
};
