/** Secrets that were given as arguments: what to do about it, before any other error could repeat them. */
import { CliError } from "./errors.ts";

export const looksLikeSecret = (text: string): boolean => /gh[pousr]_|github_pat_|-----BEGIN/.test(text);

/** @throws CliError that never repeats the secret */
export const refuseSecrets = (words: readonly string[]): void => {
  const spilled = words.some(
    (word, index) =>
      looksLikeSecret(word) ||
      (/^--token=/.test(word) && !/^--token=(true|false)?$/.test(word)) ||
      (words[index - 1] === "--token" && !word.startsWith("-")),
  );
  if (spilled)
    throw new CliError(
      "a token or key must not be an argument: it stands in the shell's history now, and every process of this computer " +
        "could read it. Revoke it (https://github.com/settings/tokens, or the App's settings page), make a new one, and " +
        "give it when it is asked for, or by standard input: muster setup --token < FILE",
    );
};
