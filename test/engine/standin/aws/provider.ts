/**
 * A stand-in for the aws plugin: it makes real objects in moto, checks inputs by the declarations of @pulumi/aws, and
 * keeps the real provider's rules on what is replaced, what is unknown in a preview, and which tags a resource gets.
 */
import { complaints } from "../complaints.ts";
import { Declarations } from "../declarations.ts";
import { faults } from "../faults.ts";
import type { Kinds, Provider } from "../kind.ts";
import { isSecret, type Props } from "../values.ts";
import { makeClients } from "./clients.ts";
import { accountId, regionOf, type Cloud, type CloudKind, type CloudKinds } from "./cloud.ts";
import { addressKinds } from "./addresses.ts";
import { iamKinds } from "./iam.ts";
import { instanceKinds } from "./instance.ts";
import { launchTemplateKinds } from "./launch-template.ts";
import { monitoringKinds } from "./monitoring.ts";
import { routeKinds } from "./routes.ts";
import { s3Kinds } from "./s3.ts";
import { s3ObjectKinds } from "./s3-object.ts";
import { securityGroupKinds } from "./security-groups.ts";
import { ssmKinds } from "./ssm.ts";
import { volumeKinds } from "./volumes.ts";
import { vpcKinds } from "./vpc.ts";

/** The SDK sends what is no text as JSON. */
const configValue = (value: unknown): unknown => {
  if (typeof value !== "string" || !/^[[{]|^(true|false|\d+)$/.test(value)) return value;
  return JSON.parse(value) as unknown;
};
const configOf = (args: Props): Props =>
  Object.fromEntries(Object.entries(args).map(([key, value]) => [key, configValue(value)]));

type Tags = Record<string, unknown>;

/** The resource's tags over those that the provider gives all, as the checked inputs show them. */
const withTags = (cloud: Cloud, inputs: Props): Props => {
  const override = inputs["overrideProvider"] as { defaultTags?: { tags?: Tags } } | undefined;
  const defaults: Tags = override?.defaultTags ? (override.defaultTags.tags ?? {}) : cloud.defaultTags;
  // As a whole not known yet, or secret.
  if (typeof inputs["tags"] === "string" || isSecret(inputs["tags"])) return inputs;
  const tags = { ...defaults, ...((inputs["tags"] ?? {}) as Tags) };
  return Object.keys(tags).length > 0 ? { ...inputs, tags } : inputs;
};

/** What all types have: checked properties, a region, tags. */
const finish = (cloud: Cloud, declarations: Declarations, type: string, kind: CloudKind): CloudKind => {
  const declared = () => declarations.inputs(type);
  const tagged = () => "tags" in declared();
  const { replace = [] } = kind;
  return {
    ...kind,
    // Declarations are read when a type is first used.
    get answers() {
      return [...(kind.answers ?? []), "region", ...(tagged() ? ["tagsAll"] : [])];
    },
    volatile: (changed) => {
      const own = typeof kind.volatile === "function" ? kind.volatile(changed) : (kind.volatile ?? []);
      return changed.includes("tags") ? [...own, "tagsAll"] : own;
    },
    replace:
      typeof replace === "function"
        ? (changed, olds, news) => [
            ...replace(changed, olds, news),
            ...changed.filter((key) => key === "region"),
          ]
        : [...replace, "region"],
    check: (inputs) => [...complaints(declared(), inputs), ...(kind.check?.(inputs) ?? [])],
    prepare: (inputs) => (tagged() ? withTags(cloud, inputs) : inputs),
    read: async (call) => {
      const found = await kind.read(call);
      if (!found) return null;
      // A refresh believes the state on tags: moto shows them in as many forms as there are services.
      const from = call.op === "read" ? call.olds : call.inputs;
      const tags = tagged() ? { tagsAll: from["tags"] ?? {} } : {};
      return { ...found, region: regionOf(cloud, call), ...tags };
    },
  };
};

/** @param env has AWS_ENDPOINT_URL, on loopback */
export const awsProvider = (env: NodeJS.ProcessEnv): Provider => {
  const declarations = new Declarations("aws");
  const cloud: Cloud = {
    region: "",
    defaultTags: {},
    account: accountId,
    clients: makeClients(env["AWS_ENDPOINT_URL"]),
  };
  const tables: CloudKinds = {
    ...vpcKinds(cloud),
    ...addressKinds(cloud),
    ...routeKinds(cloud),
    ...securityGroupKinds(cloud),
    ...launchTemplateKinds(cloud),
    ...instanceKinds(cloud),
    ...volumeKinds(cloud),
    ...s3Kinds(cloud),
    ...s3ObjectKinds(cloud),
    ...iamKinds(cloud),
    ...ssmKinds(cloud),
    ...monitoringKinds(cloud),
  };
  const kinds: Kinds = Object.fromEntries(
    Object.entries(tables).map(([type, kind]) => [type, finish(cloud, declarations, type, kind)]),
  );
  return {
    kinds,
    fault: faults(env),
    checkConfig: ({ version: _version, ...args }) => {
      const config = configOf(args);
      const region = config["region"] == null ? [{ property: "region", reason: "is required" }] : [];
      return [...complaints(declarations.provider(), config), ...region];
    },
    configure: (args) => {
      const config = configOf(args);
      cloud.region = config["region"] as string;
      cloud.defaultTags =
        (config["defaultTags"] as { tags?: Record<string, string> } | undefined)?.tags ?? {};
    },
  };
};
