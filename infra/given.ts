/** Settings that another Pulumi program gives, in place of the file of a stack of this checkout. */
import * as pulumi from "@pulumi/pulumi";
import { SettingsError, type Wrong } from "./errors.ts";
import type { StackInputs } from "./inputs.ts";
import type { sectionNames, SecretName } from "./schema.ts";
import { parseSettings, type Settings } from "./settings.ts";

/** A network that the program made or looked up: ids may be known later, zones must be plain. */
export interface GivenNetwork {
  /** Nothing of it is made, changed or destroyed. */
  vpcId: pulumi.Input<string>;
  /** At least one, all in `aws.region`, with a way to GitHub; the manager goes into the first. */
  subnets: readonly { id: pulumi.Input<string>; zone: string }[];
  /**
   * True: the subnets lead to an internet gateway, not to a NAT gateway, and give machines public addresses (auto-assign);
   * the manager then gets an Elastic IP, for its way out alone. False, the default: they have another way out.
   */
  public?: boolean;
  /** Every machine gets them, and the manager, besides those that are made. */
  securityGroupIds?: readonly pulumi.Input<string>[];
}

export interface Given {
  /** The keys of docs/settings.md without `muster:`, all of them plain. `manager.on` is `aws`, also when it is left out. */
  settings: Readonly<Partial<Record<(typeof sectionNames)[number], unknown>>>;
  /** The login at GitHub, unless `manager.secretParameters` names it. */
  secrets?: Readonly<Partial<Record<SecretName, pulumi.Input<string>>>>;
  /** In place of `settings.network`. */
  network?: GivenNetwork;
}

/** Of the component: it becomes part of names and tags at AWS. */
const nameAllowed = /^[a-z][a-z0-9-]{0,31}$/;

/**
 * What the component needs, but for what is built.
 *
 * @param name of the component; the stack's tag is `PROJECT/STACK-NAME`, so that a program may hold several
 * @throws SettingsError with everything that is wrong
 */
export const inputsOf = (name: string, given: Given): StackInputs & { ofProgram: true } => {
  const stack = { project: pulumi.getProject(), name: `${pulumi.getStack()}-${name}` };
  const early = [...checkName(name), ...checkNetwork(given)];
  if (early.length > 0) throw new SettingsError(stack.name, early);
  return {
    stack,
    settings: settingsOf(stack.name, given),
    confinement: { kind: "none", refused: ["jobs do not run on this computer"] },
    secrets: Object.fromEntries(
      Object.entries(given.secrets ?? {}).map(([key, value]) => [key, pulumi.secret(value)]),
    ),
    ofProgram: true,
  };
};

const settingsOf = (stack: string, { settings, secrets = {}, network }: Given): Settings => {
  const { manager } = settings;
  const values = {
    ...settings,
    // Where something else is given, it is explained with everything else.
    manager: typeof manager === "object" ? { on: "aws", ...manager } : (manager ?? { on: "aws" }),
    ...(network && { network: standIn(network) }),
  };
  if (values.manager && (values.manager as { on?: unknown }).on === "local")
    throw new SettingsError(stack, [
      {
        path: "settings.manager.on",
        given: '"local"',
        allowed: "a manager on this computer belongs to the checkout (npm start); allowed is aws",
      },
    ]);
  const parsed = parse(stack, values, new Set(Object.keys(secrets)), network !== undefined);
  if (!network || !parsed.aws) return parsed;
  const { vpcId, subnets, public: ways = false, securityGroupIds = [] } = network;
  const existing = { kind: "existing" as const, vpcId, subnets, public: ways, securityGroupIds };
  return { ...parsed, aws: { ...parsed.aws, network: existing } };
};

const parse = (
  stack: string,
  values: Record<string, unknown>,
  secretKeys: ReadonlySet<string>,
  standsIn: boolean,
): Settings => {
  try {
    return parseSettings({
      stack,
      values,
      secretKeys,
      arch: "X64",
      // Only a manager on this computer has a folder there.
      places: { root: "/", home: "/" },
      confinement: { kind: "none", refused: [] },
    });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    const wrong = error.wrong.map((one) =>
      standsIn && one.path.startsWith("muster:network")
        ? { ...one, path: one.path.replace(/^muster:/, ""), given: null }
        : one,
    );
    throw new SettingsError(stack, wrong.map(inProgram));
  }
};

/** Ids in the shape of real ones, for those that are not known yet: what else there is to check is checked. */
const standIn = ({ subnets, ...rest }: GivenNetwork) => ({
  vpcId: "vpc-00000000",
  subnetIds: Object.fromEntries(
    subnets.map(({ zone }, index) => [`subnet-${index.toString(16).padStart(8, "0")}`, zone]),
  ),
  ...("public" in rest && { public: rest.public }),
});

const checkName = (name: string): Wrong[] =>
  nameAllowed.test(name)
    ? []
    : [
        {
          path: "name",
          given: JSON.stringify(name),
          allowed:
            "a component's name has 1 to 32 small letters, digits and dashes, and starts with a letter",
        },
      ];

const checkNetwork = ({ settings, network }: Given): Wrong[] => {
  if (!network) return [];
  const wrong: Wrong[] = [];
  const refuse = (path: string, given: unknown, allowed: string) =>
    wrong.push({ path, given: given === undefined ? null : JSON.stringify(given), allowed });
  if (settings.network !== undefined)
    refuse("settings.network", undefined, "given twice, here and as network; leave out one of them");
  if (network.subnets.length === 0)
    refuse("network.subnets", [], "allowed is at least one subnet with its zone");
  const region = (settings.aws as { region?: unknown } | undefined)?.region;
  for (const [index, { zone }] of network.subnets.entries())
    if (typeof zone !== "string" || zone.slice(0, -1) !== region)
      refuse(
        `network.subnets[${index}].zone`,
        typeof zone === "string" ? zone : undefined,
        `allowed is a zone of ${String(region)} (settings.aws.region), as plain text`,
      );
  return wrong;
};

/** Paths and cures in the words of a program, which has no stack's file and no commands for it. */
const inProgram = ({ path, given, allowed }: Wrong): Wrong => {
  const words = (text: string) =>
    text
      .replace(/ \(or: npm run muster -- setup -s [\w.-]+\)/g, "")
      .replace(/pulumi config set --secret muster:(\w+) -s \S+/g, "give it as secrets.$1")
      .replace(/pulumi config set (?:--path )?muster:([\w.]+) (\S+) -s [\w.-]+/g, "settings.$1 = $2")
      .replace(/pulumi config rm muster:(\w+) -s [\w.-]+/g, "leave out $1")
      .replace(/\bmuster:(?=[a-z])/g, "settings.");
  return { path: words(path), given, allowed: words(allowed) };
};
