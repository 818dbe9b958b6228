/** A log that says nothing: what matters is said to people, and the logger itself would be a tenth of the script. */
import type { Logger } from "pino";

const nothing = () => {};

export const silent = {
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
} as unknown as Logger;
