/**
 * A stack as text for reviewers: the tree of its components, what each resource is made with and waits for, and what the
 * stack tells. Made from the engine's state by rules, so that it differs only where the stack does: what the cloud chose
 * is a reference, digests, keys, scripts and secrets are placeholders.
 */
import { stringify } from "yaml";
import { waitsOf } from "./waits.ts";

/** One of `pulumi stack export`. */
export interface StateResource {
  urn: string;
  type: string;
  id?: string;
  parent?: string;
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  dependencies?: readonly string[];
  propertyDependencies?: Readonly<Record<string, readonly string[] | null>>;
}

const nameOf = (urn: string) => urn.split("::").slice(3).join("::");
/** `aws:ec2/subnet:Subnet` -> `aws:ec2:Subnet`, as programs write it. */
const kindOf = (type: string) => type.replace(/\/[^:]+/, "");
const heading = ({ urn, type }: StateResource) => `${nameOf(urn)} (${kindOf(type)})`;

/** Pulumi's mark of what is no plain value, and that of a secret among them. */
const [mark, secret] = ["4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"];

/** Every resource has the stack's tag, which is a policy's to hold; a Name says what the resource's own name says. */
const usualTags: ReadonlySet<string> = new Set(["muster:stack", "Name"]);
/** What is long and whose changes nobody reads here. */
const placeholders: Readonly<Record<string, string>> = {
  userData: "<user data>",
  stdin: "<script>",
  dashboardBody: "<dashboard>",
};
const patterns: readonly [RegExp, string][] = [
  [/-----BEGIN ([A-Z ]+)-----[^]*?-----END \1-----\n?/g, "<$1>"],
  [/\b[0-9a-f]{128}\b/g, "<sha512>"],
  [/\b[0-9a-f]{64}\b/g, "<sha256>"],
];
/** A longer line is shown by its beginning and its end. */
const longest = 160;

/** What the cloud chose -> what it is called here; the longest first, since some are parts of others. */
const references = (resources: readonly StateResource[]): [string, string][] => {
  const named = resources.flatMap(({ urn, id, outputs = {} }) =>
    Object.entries({
      id,
      arn: outputs["arn"],
      publicIp: outputs["publicIp"],
      privateIp: outputs["privateIp"],
    })
      .filter((entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== "")
      // An id that people chose, such as a role's name, says more than a reference.
      .filter(([key, value]) => key !== "id" || /[0-9a-f]{8}|[a-z0-9]{14}$/.test(value))
      .map(([key, value]): [string, string] => [value, `\${${nameOf(urn)}.${key}}`]),
  );
  return named.sort(([a], [b]) => b.length - a.length);
};

/**
 * @param given texts of the computer that the test runs on, such as a port -> what stands for them
 * @throws Error when `resources` are not those of a stack
 */
export const drawGraph = (
  resources: readonly StateResource[],
  outputs: Readonly<Record<string, unknown>>,
  given: Readonly<Record<string, string>>,
): string => {
  const stack = resources.find(({ type }) => type === "pulumi:pulumi:Stack");
  if (!stack) throw new Error("this is no state of a stack: it has no pulumi:pulumi:Stack");
  const known = [...Object.entries(given), ...references(resources)];
  const waits = waitsOf(resources);

  const text = (value: string): string => {
    const named = known.reduce((found, [from, to]) => found.replaceAll(from, to), value);
    const bare = patterns.reduce((found, [pattern, by]) => found.replace(pattern, by), named);
    return bare.length <= longest || bare.includes("\n")
      ? bare
      : `${bare.slice(0, 40)} ... ${bare.slice(-24)}`;
  };
  const list = (items: readonly unknown[]): unknown[] => {
    const found = items.map((item) => shown(item));
    // Its order may be that of ids, which the cloud chose.
    return found.some((item) => typeof item === "string" && item.includes("${")) ? found.sort() : found;
  };
  const shown = (value: unknown, key = ""): unknown => {
    if (typeof value === "number") return given[String(value)] ?? value;
    if (typeof value === "string") {
      const inner = /^[[{]/.test(value) ? parsed(value) : undefined;
      return placeholders[key] ?? (inner === undefined ? text(value) : shown(inner));
    }
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return list(value);
    const object = value as Record<string, unknown>;
    if (mark in object) return object[mark] === secret ? "[secret]" : "<file>";
    return Object.fromEntries(
      Object.entries(object)
        .filter(([name]) => !name.startsWith("__") && !(key === "tags" && usualTags.has(name)))
        .map(([name, inside]) => [text(name), shown(inside, name)]),
    );
  };
  const branch = (resource: StateResource): Record<string, unknown> => {
    const inputs = Object.entries(shown(resource.inputs ?? {}) as Record<string, unknown>);
    const children = resources
      .filter(({ parent }) => parent === resource.urn)
      .map((child) => [text(heading(child)), branch(child)] as const);
    const after = waits(resource).map(nameOf).map(text).sort();
    return {
      ...(after.length > 0 && { after }),
      ...Object.fromEntries(inputs.filter(([, value]) => !isEmpty(value)).sort(byFirst)),
      ...Object.fromEntries(children.sort(byFirst)),
    };
  };
  const drawn = { ...branch({ ...stack, inputs: {} }), outputs: shown(outputs) };
  return stringify(drawn, { lineWidth: 0, aliasDuplicateObjects: false });
};

const byFirst = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : 1);
const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.values(value).every(isEmpty);
const parsed = (value: string): unknown => {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
};
