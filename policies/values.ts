/** Values of a resource: plain JSON in which secrets and what is not known yet are marked, each source in its own way. */
import { policyDocument, type Statement } from "./document.ts";

const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** What a preview, and a program's dry run, say in place of a value that only the cloud can give. */
const unknowns = new Set([
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** What the engine prints in place of a secret. */
const printedSecret = "[secret]";

export type Fields = Readonly<Record<string, unknown>>;

export const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const isUnknown = (value: unknown): boolean => typeof value === "string" && unknowns.has(value);

export const isSecret = (value: unknown): boolean =>
  value === printedSecret || (isFields(value) && value[signature] === secretSignature);

/** A value marked as secret, in the engine's own form. */
export const secret = (value: unknown): Fields => ({ [signature]: secretSignature, value });

/** What a marked secret holds, where the source tells; undefined where it is encrypted. */
export const revealed = (value: unknown): unknown => {
  if (!isFields(value) || !isSecret(value)) return undefined;
  if (typeof value["plaintext"] !== "string") return value["value"];
  try {
    return JSON.parse(value["plaintext"]) as unknown;
  } catch {
    return value["plaintext"];
  }
};

/** The value without its mark; what is encrypted or printed as `[secret]` counts as not known. */
export const plain = (value: unknown): unknown => {
  if (!isSecret(value)) return value;
  return revealed(value) ?? [...unknowns][0];
};

/** A list of objects: nothing given is an empty list, one object (providers unwrap lists of one) a list of one. */
export const list = (value: unknown): Fields[] => {
  const items = Array.isArray(value) ? (value as unknown[]) : [value];
  return items.map(plain).filter(isFields);
};

/** A list of texts, likewise. */
export const texts = (value: unknown): string[] => {
  const bare = plain(value);
  const items = Array.isArray(bare) ? (bare as unknown[]) : [bare];
  return items.map(plain).filter((item): item is string => typeof item === "string");
};

/** Whether a switch is on: EC2's launch templates write it as text. */
export const isOn = (value: unknown): boolean => value === true || value === "true";

/** Whether something was given at all; what is not known yet was given. */
export const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== "";

/** The statements of a policy document; null when it is not known yet. */
export const statements = (value: unknown): readonly Statement[] | null => {
  const text = plain(value);
  if (isUnknown(text)) return null;
  return policyDocument(text);
};

/** Every text below a value with its path, and whether a mark hides it. */
export const walk = function* (
  value: unknown,
  path: readonly string[] = [],
  hidden = false,
): Generator<{ path: string; text: string; hidden: boolean }> {
  if (isSecret(value)) {
    const inner = revealed(value);
    if (inner !== undefined) yield* walk(inner, path, true);
    return;
  }
  if (typeof value === "string") yield { path: path.join("."), text: value, hidden };
  else if (Array.isArray(value))
    for (const [index, item] of value.entries()) yield* walk(item, [...path, String(index)], hidden);
  else if (isFields(value))
    for (const [key, item] of Object.entries(value)) yield* walk(item, [...path, key], hidden);
};
