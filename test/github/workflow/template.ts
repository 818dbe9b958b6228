/** From the parser's tokens to plain values. */
import type { MappingToken, TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import {
  isBasicExpression,
  isBoolean,
  isMapping,
  isNumber,
  isScalar,
  isSequence,
  isString,
} from "@actions/workflow-parser/templates/tokens/type-guards";

/** Answers the value of an expression given without `${{ }}`. */
export type Evaluate = (expression: string) => unknown;

/** A token as plain JSON, its expressions evaluated; `${{ insert }}` merges. */
export function resolve(token: TemplateToken | undefined, evaluate: Evaluate): unknown {
  if (token === undefined) return null;
  if (isBasicExpression(token)) return evaluate(token.expression);
  if (isSequence(token)) return [...token].map((item) => resolve(item, evaluate));
  if (isMapping(token)) return resolveMapping(token, evaluate);
  if (isString(token) || isNumber(token) || isBoolean(token)) return token.value;
  return null;
}

function resolveMapping(token: MappingToken, evaluate: Evaluate): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const { key, value } of token) {
    if (isString(key)) result[key.value] = resolve(value, evaluate);
    else Object.assign(result, resolve(value, evaluate));
  }
  return result;
}

/** A scalar with its expressions left as `${{ }}`; null when it is not there. */
export const text = (token: TemplateToken | undefined): string | null =>
  token !== undefined && isScalar(token) ? token.toString() : null;

/** A mapping of scalars, with their expressions left as `${{ }}`. */
export function texts(token: TemplateToken | undefined): Record<string, string> {
  if (token === undefined || !isMapping(token)) return {};
  return Object.fromEntries([...token].map(({ key, value }) => [key.toString(), text(value) ?? ""]));
}

/** What lies at a path of keys and indices, or undefined. */
export function find(
  token: TemplateToken | undefined,
  ...path: readonly (string | number)[]
): TemplateToken | undefined {
  return path.reduce<TemplateToken | undefined>((at, step) => {
    if (at === undefined) return undefined;
    if (typeof step === "number") return isSequence(at) ? at.get(step) : undefined;
    return isMapping(at) ? at.find(step) : undefined;
  }, token);
}
