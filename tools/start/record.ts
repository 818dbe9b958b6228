/** What `npm start` has made and not yet ended, in a file: the next one ends it first, also after a crash. */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";

const record = z.object({
  /** null with a real GitHub. */
  simulator: z.nullable(z.object({ process: z.object({ pid: z.int(), startTime: z.number() }) })),
});
export type StartRecord = z.infer<typeof record>;

const fileOf = (root: string) => join(root, ".muster/start.json");

/** null when nothing stands; a file that cannot be read counts as a stack without a simulator. */
export const readRecord = async (root: string): Promise<StartRecord | null> => {
  const text = await readFile(fileOf(root), "utf8").catch(() => null);
  if (text === null) return null;
  try {
    return record.parse(JSON.parse(text));
  } catch {
    return { simulator: null };
  }
};

export const writeRecord = async (root: string, value: StartRecord): Promise<void> => {
  const file = fileOf(root);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(`${file}.new`, JSON.stringify(record.parse(value)));
  await rename(`${file}.new`, file);
};

export const removeRecord = (root: string): Promise<void> => rm(fileOf(root), { force: true });
