/** A policy of the house in the form of @pulumi/policy. */
import {
  Secret,
  type PolicyResource,
  type ResourceValidationArgs,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
} from "@pulumi/policy";
import type { Policy, Resource } from "../policy.ts";
import { secret, type Fields } from "../values.ts";

/** How @pulumi/policy's proxies, which throw at what is not known yet, give the object behind them. */
const isProxy = "__isSpecialProxy";
const target = "__getSpecialProxyTarget";

const bare = (value: unknown): unknown => {
  let found = value as Record<string, unknown> | undefined | null;
  while (typeof found === "object" && found !== null && found[isProxy] === true)
    found = found[target] as Record<string, unknown>;
  return found;
};

/** Plain JSON in which secrets are marked as the engine marks them. */
export const unwrap = (value: unknown): unknown => {
  const found = bare(value);
  if (found instanceof Secret) return secret(unwrap(found.value));
  if (Array.isArray(found)) return (found as unknown[]).map(unwrap);
  if (typeof found !== "object" || found === null) return found;
  return Object.fromEntries(Object.entries(found).map(([key, item]) => [key, unwrap(item)]));
};

const fields = (value: unknown) => unwrap(value) as Fields;

/**
 * Inputs with their secrets marked, by URN. Pulumi shows the marks to remediations alone, which come first for every
 * resource; ours changes nothing and remembers them.
 */
const remembered = new Map<string, Fields>();

type Seen = Pick<ResourceValidationArgs, "type" | "name" | "urn" | "props"> & { provider?: { urn: string } };

const resource = ({ type, name, urn, props, provider }: Seen): Resource => ({
  type,
  name,
  urn,
  provider: provider?.urn ?? null,
  inputs: remembered.get(urn) ?? fields(props),
  outputs: {},
  dependencies: {},
});

const ofOne = (args: ResourceValidationArgs): Resource[] => {
  const { provider } = args;
  return [resource(args), ...(provider === undefined ? [] : [resource(provider)])];
};

const ofStack = (one: PolicyResource): Resource => ({
  ...resource(one),
  // Here come values that only the cloud gives, where the update has made the resource.
  outputs: fields(one.props),
  dependencies: Object.fromEntries(
    Object.entries(one.propertyDependencies).map(([input, from]) => [input, from.map(({ urn }) => urn)]),
  ),
});

const about = ({ name, what, why }: Policy) => ({ name, description: `${what} ${why}` });

const message = ({ resource, problem, cure }: { resource: string; problem: string; cure: string }) =>
  `${resource} ${problem}. Cure: ${cure}.`;

export const packed = (policy: Policy): ResourceValidationPolicy | StackValidationPolicy =>
  policy.scope === "resource"
    ? {
        ...about(policy),
        validateResource: (args, report) => {
          for (const found of policy.check(ofOne(args)))
            // The provider stands beside it to be looked at; it is judged in its own turn.
            if (found.urn === args.urn) report(message(found), found.urn);
        },
      }
    : {
        ...about(policy),
        validateStack: ({ resources }, report) => {
          for (const found of policy.check(resources.map(ofStack))) report(message(found), found.urn);
        },
      };

/** As `packed`, for the policy that has to know which values are marked. */
export const watchingSecrets = (policy: Policy): ResourceValidationPolicy => ({
  ...(packed(policy) as ResourceValidationPolicy),
  // Only then Pulumi asks for the remediation; what is still wrong after it counts as mandatory.
  enforcementLevel: "remediate",
  remediateResource: ({ urn, props }) => {
    remembered.set(urn, fields(props));
  },
});
