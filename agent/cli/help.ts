/** A verb's help: what it does, its form, its options, in plain text that fits the terminal. */
import { wrap } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export interface Option {
  type?: string;
  description?: string;
  default?: unknown;
  alias?: string | readonly string[];
  required?: boolean;
}
export interface Helped {
  /** `muster local start` */
  words: string;
  description: string;
  /** Name and description of each inner verb. */
  verbs: readonly (readonly [string, string])[];
  args: Readonly<Record<string, Option>>;
}

const form = (name: string, { type, alias }: Option): string => {
  if (type === "positional") return name.toUpperCase();
  const short = [alias ?? []].flat().map((one) => `-${one}, `);
  return `${short.join("")}--${name}${type === "string" ? ` ${name.toUpperCase()}` : ""}`;
};
const said = ({ description = "", default: value }: Option): string =>
  value === undefined || value === false || value === ""
    ? description
    : `${description} (default: ${String(value)})`;

/** The names in a column of their own, the texts beside it. */
const rows = (pairs: readonly (readonly [string, string])[], columns: number): string[] => {
  const left = Math.max(...pairs.map(([name]) => name.length)) + 4;
  return pairs.flatMap(([name, text]) =>
    wrap(text, Math.max(30, columns - left)).map(
      (line, index) => `${(index === 0 ? `  ${name}` : "").padEnd(left)}${line}`,
    ),
  );
};

export const helpLines = (
  { words, description, verbs, args }: Helped,
  { columns, paint }: Terminal,
): string[] => {
  const options = Object.entries(args);
  const places = options.filter(([, { type }]) => type === "positional");
  const flags = options.filter(([, { type }]) => type !== "positional");
  const usage = [
    `npm run muster -- ${words.split(" ").slice(1).join(" ")}`.trimEnd(),
    ...(verbs.length > 0 ? ["VERB"] : []),
    ...places.map(([name, { required }]) => (required ? name.toUpperCase() : `[${name.toUpperCase()}]`)),
    ...(flags.length > 0 || verbs.length > 0 ? ["[options]"] : []),
  ];
  const title = (text: string) => ["", paint("strong", text)];
  return [
    ...wrap(`${paint("strong", words)}: ${description}`, columns),
    "",
    `  ${usage.join(" ")}`,
    ...(verbs.length > 0 ? [...title("verbs"), ...rows(verbs, columns)] : []),
    ...(options.length > 0
      ? [
          ...title("options"),
          ...rows(
            options.map(([name, option]) => [form(name, option), said(option)]),
            columns,
          ),
        ]
      : []),
    "",
    verbs.length > 0
      ? "Each verb has its own --help; docs/cli.md shows what they print."
      : "docs/cli.md shows what it prints.",
  ];
};
