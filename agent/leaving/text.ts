/** Words for lines that people read. */

export const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

/** The first of many names. */
export const some = (names: readonly string[], count = 10): string =>
  names.length <= count
    ? names.join(", ")
    : `${names.slice(0, count).join(", ")} and ${names.length - count} more`;

export const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));
