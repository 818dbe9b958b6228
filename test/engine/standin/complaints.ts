/** What is wrong with a resource's inputs by the package's declarations. */
import type { Properties, Shape } from "./declarations.ts";
import { isAsset, unknownValue, type Props } from "./values.ts";

export interface Complaint {
  /** `tagSpecifications[0].resourceTyp`. */
  property: string;
  reason: string;
}

const isObject = (value: unknown): value is Props =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const near = (name: string, names: readonly string[]): string => {
  const same = names.find((other) => other.toLowerCase() === name.toLowerCase());
  const begins = names.filter((other) => other.startsWith(name.slice(0, 4)));
  const words = same ? [same] : begins.length > 0 ? begins : names;
  return words.slice(0, 12).join(", ");
};

const found = (value: unknown): string =>
  Array.isArray(value) ? "a list" : value === null ? "null" : typeof value;
const wrong = (path: string, wanted: string, value: unknown): Complaint[] => [
  { property: path, reason: `must be ${wanted}, is ${found(value)}` },
];

const ofShape = (shape: Shape, value: unknown, path: string): Complaint[] => {
  // What a preview does not know yet is right as far as it can tell.
  if (shape.is === "any" || value === unknownValue) return [];
  switch (shape.is) {
    case "one": {
      const tries = shape.of.map((one) => ofShape(one, value, path));
      return tries.some((complaints) => complaints.length === 0) ? [] : tries[0]!;
    }
    case "list":
      if (!Array.isArray(value)) return wrong(path, "a list", value);
      return value.flatMap((item, index) => ofShape(shape.of, item, `${path}[${index}]`));
    case "map":
      if (!isObject(value)) return wrong(path, "a map", value);
      return Object.entries(value).flatMap(([key, item]) => ofShape(shape.of, item, `${path}.${key}`));
    case "object":
      return isObject(value) ? complaints(shape.properties, value, path) : wrong(path, "an object", value);
    case "asset":
      return isAsset(value) ? [] : wrong(path, "an asset", value);
    // The bridge takes "3" for 3 and true for "true".
    case "string":
    case "number":
    case "boolean":
      return isObject(value) || Array.isArray(value) ? wrong(path, `a ${shape.is}`, value) : [];
  }
};

/** Unknown, missing and malformed properties; secrets must be in the clear. */
export const complaints = (declared: Properties, inputs: Props, path = ""): Complaint[] => {
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  const given = Object.entries(inputs).filter(([name, value]) => value != null && name !== "__defaults");
  const missing = Object.entries(declared)
    .filter(([name, { required }]) => required && inputs[name] == null)
    .map(([name]) => ({ property: at(name), reason: "is required and missing" }));
  const others = given.flatMap(([name, value]) => {
    const property = declared[name];
    if (property) return ofShape(property.shape, value, at(name));
    return [{ property: at(name), reason: `is not known; known are: ${near(name, Object.keys(declared))}` }];
  });
  return [...missing, ...others];
};
