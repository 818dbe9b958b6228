/** Secrets in what is printed or sent become ***. */

export interface Masker {
  add(secret: string): void;
  mask(text: string): string;
}

export function createMasker(secrets: readonly string[] = []): Masker {
  const known = new Set<string>();
  let sorted: string[] = [];
  const add = (secret: string) => {
    // A secret of several lines reaches the log line by line.
    for (const part of [secret, ...secret.split(/\r?\n/)]) if (part.trim() !== "") known.add(part.trim());
    // The longest first: a secret may hold another.
    sorted = [...known].sort((a, b) => b.length - a.length);
  };
  for (const secret of secrets) add(secret);
  return { add, mask: (text) => sorted.reduce((masked, secret) => masked.replaceAll(secret, "***"), text) };
}
