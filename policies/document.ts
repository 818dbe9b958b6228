/** Policy documents of AWS, as far as the policies here look into them. */

export interface Statement {
  effect: string;
  /** `*`, or what the document names, as texts. */
  principals: readonly string[];
  actions: readonly string[];
  resources: readonly string[];
  /** Operator -> key -> values. */
  conditions: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

type Json = Readonly<Record<string, unknown>>;

const many = (value: unknown): unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? (value as unknown[]) : [value];
const words = (value: unknown) => many(value).map(String);
const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const principals = (value: unknown): string[] =>
  isJson(value) ? Object.values(value).flatMap(words) : words(value);

const conditions = (value: unknown) =>
  Object.fromEntries(
    Object.entries(isJson(value) ? value : {}).map(([operator, keys]) => [
      operator,
      Object.fromEntries(Object.entries(isJson(keys) ? keys : {}).map(([key, given]) => [key, words(given)])),
    ]),
  );

/** @param value the document as text or as an object; anything else has no statement */
export const policyDocument = (value: unknown): readonly Statement[] => {
  let document = value;
  if (typeof value === "string")
    try {
      document = JSON.parse(value) as unknown;
    } catch {
      return [];
    }
  if (!isJson(document)) return [];
  return many(document["Statement"])
    .filter(isJson)
    .map((statement) => ({
      effect: String(statement["Effect"]),
      principals: principals(statement["Principal"]),
      actions: words(statement["Action"]),
      resources: words(statement["Resource"]),
      conditions: conditions(statement["Condition"]),
    }));
};
