/** What the manager of this computer found out about confinement, in its folder for whoever asks. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod/mini";
import { confinementKinds } from "../protocol.ts";
import type { Confinement } from "./kind.ts";

const confinement = z.object({ kind: z.enum(confinementKinds), refused: z.array(z.string()) });

const fileOf = (directory: string) => join(directory, "confinement.json");

export async function writeConfinement(directory: string, found: Confinement): Promise<void> {
  const file = fileOf(directory);
  await writeFile(`${file}.new`, `${JSON.stringify(found)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Null when there is none, or it is torn. */
export async function readConfinement(directory: string): Promise<Confinement | null> {
  try {
    return confinement.parse(JSON.parse(await readFile(fileOf(directory), "utf8")));
  } catch {
    return null;
  }
}
