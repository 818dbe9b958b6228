/** A failure that people can cure: printed without a stack, exit code 1. */
export class CliError extends Error {
  override name = "CliError";
}
