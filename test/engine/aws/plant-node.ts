/** The Node of the manager's machine for a copy of the project, so that no test needs a registry. */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Pins it in the copy, and puts it where the program would keep what it fetched.
 * @param archive npm's archive of it; a few bytes are enough where no machine starts
 */
export const plantNode = async (
  root: string,
  archive: string | Uint8Array = "stands for Node's archive",
): Promise<void> => {
  const digest = createHash("sha512").update(archive).digest();
  const pin = join(root, "infra/aws/node.json");
  const pinned = JSON.parse(await readFile(pin, "utf8")) as object;
  await writeFile(pin, JSON.stringify({ ...pinned, integrity: `sha512-${digest.toString("base64")}` }));
  const directory = join(root, ".muster/node");
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, `${digest.toString("hex").slice(0, 16)}.tgz`), archive);
};
