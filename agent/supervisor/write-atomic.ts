import { rename, rm, writeFile } from "node:fs/promises";

/** Readers see the old file or the new one, never half of it. Mode 0600. */
export const writeAtomic = async (file: string, text: string): Promise<void> => {
  const draft = `${file}.${process.pid}.new`;
  try {
    await writeFile(draft, text, { mode: 0o600 });
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
};
