/** The resources of a stack from what the engine writes: a preview, or the state. */
import * as z from "zod";
import type { Resource } from "./policy.ts";

const fields = z.record(z.string(), z.unknown()).nullish();
const state = z.object({
  urn: z.string(),
  type: z.string(),
  provider: z.string().nullish(),
  inputs: fields,
  outputs: fields,
  propertyDependencies: z.record(z.string(), z.array(z.string()).nullable()).nullish(),
});

/** `pulumi preview --json --show-sames`. */
const preview = z.object({
  steps: z.array(z.object({ op: z.string(), newState: state.nullish() })).default([]),
});

/** `pulumi stack export`. */
const deployment = z.object({
  deployment: z.object({ resources: z.array(state).nullish() }),
});

const nameOf = (urn: string) => urn.split("::").slice(3).join("::");

/** A reference is `URN::ID`. */
const providerUrn = (reference: string | null | undefined): string | null =>
  reference ? reference.split("::").slice(0, 4).join("::") : null;

const resource = (found: z.infer<typeof state>): Resource => ({
  type: found.type,
  name: nameOf(found.urn),
  urn: found.urn,
  provider: providerUrn(found.provider),
  inputs: found.inputs ?? {},
  outputs: found.outputs ?? {},
  dependencies: Object.fromEntries(
    Object.entries(found.propertyDependencies ?? {}).map(([input, urns]) => [input, urns ?? []]),
  ),
});

/**
 * What a stack will be: `pulumi preview --json --show-sames`, parsed.
 * @throws ZodError when it is something else
 */
export const resourcesOfPreview = (json: unknown): Resource[] => {
  const states = preview.parse(json).steps.flatMap(({ op, newState }) =>
    // A replacement is told in three steps; what goes is not part of what will be.
    op.startsWith("delete") || op === "create-replacement" || newState == null ? [] : [newState],
  );
  return [...new Map(states.map((found) => [found.urn, resource(found)])).values()];
};

/**
 * What a stack is: `pulumi stack export`, parsed.
 * @throws ZodError when it is something else
 */
export const resourcesOfState = (json: unknown): Resource[] =>
  (deployment.parse(json).deployment.resources ?? []).map(resource);
