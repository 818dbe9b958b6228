/**
 * Values of the file. The parser's tokens say what and where something is; values come from the YAML itself, because
 * the parser, made for editors, keeps the indentation of a block of text that holds an expression.
 */
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import { isMapping, isSequence } from "@actions/workflow-parser/templates/tokens/type-guards";
import { evaluateText, type Contexts } from "./evaluate.ts";

export type Path = readonly (string | number)[];

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What lies at a path of the plain document, or undefined. */
export const pick = (document: unknown, ...path: Path): unknown =>
  path.reduce<unknown>((at, step) => {
    if (Array.isArray(at)) return at[Number(step)] as unknown;
    return isObject(at) && Object.hasOwn(at, step) ? at[step] : undefined;
  }, document);

/** The token at a path, or undefined; for its place in the file. */
export const find = (token: TemplateToken | undefined, ...path: Path): TemplateToken | undefined =>
  path.reduce<TemplateToken | undefined>((at, step) => {
    if (at === undefined) return undefined;
    if (typeof step === "number") return isSequence(at) ? at.get(step) : undefined;
    return isMapping(at) ? at.find(step) : undefined;
  }, token);

/** A scalar with its expressions left as `${{ }}`; null when it is not there. */
export const text = (value: unknown): string | null =>
  value === undefined || value === null || typeof value === "object" ? null : String(value);

/** A mapping of scalars, with their expressions left as `${{ }}`. */
export const texts = (value: unknown): Record<string, string> =>
  isObject(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, text(item) ?? ""]))
    : {};

/** A value with its expressions evaluated; `${{ insert }}` as a key merges. */
export function resolve(value: unknown, contexts: Contexts): unknown {
  if (typeof value === "string") return value.includes("${{") ? evaluateText(value, contexts) : value;
  if (Array.isArray(value)) return value.map((item) => resolve(item, contexts));
  if (!isObject(value)) return value ?? null;
  const result: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    if (/^\$\{\{\s*insert\s*\}\}$/.test(key)) Object.assign(result, resolve(item, contexts));
    else result[key] = resolve(item, contexts);
  }
  return result;
}
