/** Which resource another one speaks of, also when a preview does not know the name yet. */
import type { Resource } from "./policy.ts";
import { isGiven, isUnknown, plain } from "./values.ts";

const parentPath = (urn: string) =>
  urn
    .split("::")
    .slice(0, 3)
    .join("::")
    .replace(/\$[^$]*$/, "");

/** Whether the input of `resource` names `target`. */
export const refersTo = (resource: Resource, input: string, target: Resource): boolean => {
  const sources = resource.dependencies[input];
  if (sources !== undefined && sources.length > 0) return sources.includes(target.urn);
  const named = plain(resource.inputs[input]);
  const names = ["id", "bucket", "arn", "name"]
    .flatMap((key) => [target.outputs[key], target.inputs[key]])
    .map(plain);
  if (isGiven(named) && !isUnknown(named)) return names.includes(named);
  // Nobody says where it comes from: a sibling whose name begins with the target's.
  return (
    parentPath(resource.urn) === parentPath(target.urn) &&
    (resource.name === target.name || resource.name.startsWith(`${target.name}-`))
  );
};
