/** Reads sections of the settings with zod and collects what is wrong, in the words of the settings. */
import * as z from "zod";
import type { Wrong } from "./errors.ts";
import { nearest, suggestion } from "./nearest.ts";

export type Path = readonly PropertyKey[];
export const pathText = (path: Path) => `muster:${path.map(String).join(".")}`;
const at = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Without the keys whose value is undefined, which zod leaves for what was not given. */
export const defined = <Key extends string, Value>(
  given: { readonly [key in Key]?: Value | undefined } = {},
) =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    [key in Key]?: Value;
  };

/** As JSON, shortened; what looks like a credential is never repeated. */
export const shown = (value: unknown): string | null => {
  if (value === undefined) return null;
  const text = JSON.stringify(value) ?? String(value);
  if (/gh[pousr]_|github_pat_|-----BEGIN/.test(text)) return '"..."';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
};

const secretLike = (key: string) => /token|key|secret|password/i.test(key);

export const unknownKey = (path: Path, key: string, known: readonly string[], stack: string): Wrong => {
  const cure = secretLike(key)
    ? `; a secret has a flat key: pulumi config set --secret muster:${/key/i.test(key) ? "githubAppKey" : "githubToken"} -s ${stack}`
    : "";
  return {
    path: pathText([...path, key]),
    given: null,
    allowed: `not a setting; ${suggestion(key, known)}${cure}`,
  };
};

const fromIssue = (
  issue: z.core.$ZodIssue,
  path: Path,
  section: z.ZodType,
  value: unknown,
  stack: string,
): Wrong[] => {
  const full = [...path, ...issue.path];
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(section, issue.path);
    return issue.keys.map((key) => unknownKey(full, key, known, stack));
  }
  // A key of a record: the key itself is wrong, and zod's own words say no more than that.
  if (issue.code === "invalid_key" && issue.issues[0])
    return [{ path: pathText(full), given: null, allowed: issue.issues[0].message }];
  const given = at(value, issue.path);
  if (given === undefined)
    return [{ path: pathText(full), given: null, allowed: `missing; ${issue.message}` }];
  const names = issue.code === "invalid_value" ? issue.values.map(String) : [];
  const near = typeof given === "string" && names.length > 1 ? nearest(given, names) : null;
  const text = names.length > 1 ? `allowed is one of ${names.join(", ")}` : issue.message;
  return [
    { path: pathText(full), given: shown(given), allowed: near ? `${text}; did you mean ${near}?` : text },
  ];
};

const bare = (schema: unknown): unknown => {
  let here = schema;
  while (here instanceof z.ZodOptional || here instanceof z.ZodDefault || here instanceof z.ZodPrefault)
    here = here.unwrap();
  return here;
};

/** The keys that an object of the schema knows. */
const keysAt = (section: z.ZodType, path: Path): string[] => {
  let here = bare(section);
  for (const key of path)
    if (here instanceof z.ZodObject) here = bare((here.shape as Record<PropertyKey, unknown>)[key]);
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
};

export class Reader {
  readonly stack: string;
  readonly wrong: Wrong[] = [];
  /** What is allowed and probably not meant. */
  readonly warnings: string[] = [];

  constructor(stack: string) {
    this.stack = stack;
  }

  /** Null where something is wrong with it, which is then noted. */
  section<T>(path: Path, kind: z.ZodType<T>, value: unknown): T | null {
    const parsed = kind.safeParse(value);
    if (parsed.success) return parsed.data;
    this.wrong.push(
      ...parsed.error.issues.flatMap((issue) => fromIssue(issue, path, kind, value, this.stack)),
    );
    return null;
  }

  refuse(path: Path, given: unknown, allowed: string): void {
    this.wrong.push({ path: pathText(path), given: shown(given), allowed });
  }

  warn(path: Path, said: string): void {
    const line = `${pathText(path)}: ${said}`;
    if (!this.warnings.includes(line)) this.warnings.push(line);
  }
}
