/** GitHub's own expression language over plain JSON: workflow and runner both evaluate through here. */
import { data, Evaluator, Lexer, Parser } from "@actions/expressions";
import type { FunctionDefinition } from "@actions/expressions/funcs/info";
import { truthy } from "@actions/expressions/result";

type ExpressionData = data.ExpressionData;
/** Name of a context -> plain JSON. An expression may name only what is in here. */
export type Contexts = Readonly<Record<string, unknown>>;
export type Functions = readonly FunctionDefinition[];

/** Everything inside `${{ }}`, where a `}}` in quotes ends nothing. */
const expressions = /\$\{\{((?:'[^']*'|(?!\}\})[^'])*)\}\}/g;

const toData = (value: unknown) => JSON.parse(JSON.stringify(value ?? null), data.reviver) as ExpressionData;
const fromData = (value: ExpressionData) => JSON.parse(JSON.stringify(value, data.replacer)) as unknown;

/** A function over plain JSON arguments, for names that the library leaves to its host: success(), hashFiles() ... */
export const hostFunction = (name: string, maxArgs: number, call: (args: unknown[]) => unknown) => ({
  name,
  minArgs: 0,
  maxArgs,
  call: (...args: ExpressionData[]) => toData(call(args.map(fromData))),
});

function run(expression: string, contexts: Contexts, functions: Functions): ExpressionData {
  const { tokens } = new Lexer(expression).lex();
  const tree = new Parser(tokens, Object.keys(contexts), [...functions]).parse();
  const pairs = Object.entries(contexts).map(([key, value]) => ({ key, value: toData(value) }));
  const byName = new Map(functions.map((definition) => [definition.name.toLowerCase(), definition]));
  return new Evaluator(tree, new data.Dictionary(...pairs), byName).evaluate();
}

/** Names the expression in every error of the library. */
function explained<T>(expression: string, evaluation: () => T): T {
  try {
    return evaluation();
  } catch (error) {
    throw new Error(`\${{ ${expression.trim()} }}: ${(error as Error).message}`, { cause: error });
  }
}

/** @param expression without `${{ }}`. @returns plain JSON. */
export const evaluate = (expression: string, contexts: Contexts, functions: Functions = []): unknown =>
  explained(expression, () => fromData(run(expression, contexts, functions)));

/** Whether an `if` holds. */
export const holds = (condition: string, contexts: Contexts, functions: Functions = []): boolean =>
  explained(condition, () => truthy(run(condition, contexts, functions)));

/** Text with every `${{ }}` replaced by its value, as GitHub writes values: `true`, `1.5`, `` for null, `Object`. */
export const interpolate = (text: string, contexts: Contexts, functions: Functions = []): string =>
  text.replace(expressions, (_match, expression: string) =>
    explained(expression, () => run(expression, contexts, functions).coerceString()),
  );

/** As {@link interpolate}, but a text that is one expression keeps its type. */
export function evaluateText(text: string, contexts: Contexts, functions: Functions = []): unknown {
  const [first] = text.trim().matchAll(expressions);
  const whole = first && first[0] === text.trim();
  return whole ? evaluate(first[1]!, contexts, functions) : interpolate(text, contexts, functions);
}
