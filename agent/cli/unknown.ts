/** Words that are no verb and no option: the one that was probably meant, in a sentence. */
import { suggestion } from "../../infra/nearest.ts";
import { CliError } from "./errors.ts";

interface Arg {
  type?: string;
  alias?: string | readonly string[];
}
export type Args = Readonly<Record<string, Arg>>;

/** As people in the checkout type it: `muster` is no program of its own. */
const helpOf = (words: string) => `Help: npm run ${words.replace(/^muster/, "muster --")} --help`;

/** @throws CliError when the word names none of the verbs */
export const checkVerb = (given: string, verbs: readonly string[], before: string): void => {
  if (verbs.includes(given)) return;
  throw new CliError(
    `"${given.slice(0, 60)}" is no verb of ${before}; ${suggestion(given, verbs)}. ${helpOf(before)}`,
  );
};

/**
 * The parser takes every option and drops what it does not know: a misspelt --list would sweep.
 * @param words what follows the verb
 * @throws CliError when an option is unknown, misses its value, or a word stands where none belongs
 */
export const checkOptions = (words: readonly string[], args: Args, verb: string): void => {
  const names = Object.entries(args).filter(([, arg]) => arg.type !== "positional");
  const known = new Map(
    names.flatMap(([name, arg]) => [name, ...[arg.alias ?? []].flat()].map((one) => [one, arg] as const)),
  );
  const positionals = Object.values(args).filter(({ type }) => type === "positional").length;
  const shown = names.map(([name]) => `--${name}`);
  let loose = 0;
  for (let index = 0; index < words.length; index++) {
    const word = words[index]!;
    if (!word.startsWith("-") || word === "-") {
      if (++loose > positionals)
        throw new CliError(`${verb} does not take "${word.slice(0, 60)}". ${helpOf(verb)}`);
      continue;
    }
    const [name, value] = word.replace(/^--?/, "").split("=", 2) as [string, string?];
    const arg = known.get(name);
    if (!arg && names.length === 0)
      throw new CliError(
        `${verb} itself has no option ${word.slice(0, 60)}: a verb comes first. ${helpOf(verb)}`,
      );
    if (!arg)
      throw new CliError(`${verb} has no option ${word.slice(0, 60)}; ${suggestion(`--${name}`, shown)}`);
    if (arg.type !== "string" || value !== undefined) continue;
    const next = words[++index];
    if (next === undefined || next.startsWith("--"))
      throw new CliError(`${verb}: ${word} needs a value. ${helpOf(verb)}`);
  }
};
