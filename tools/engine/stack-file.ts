/** Pulumi.local.yaml: the local stack's configuration, made on first use and not tracked. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isMap, isScalar, parseDocument } from "yaml";

const stackFile = (root: string) => join(root, "Pulumi.local.yaml");

const read = async (root: string) => parseDocument(await readFile(stackFile(root), "utf8").catch(() => ""));

/** Sets plain values of the namespace `muster`; `undefined` removes one. Comments and other keys stay. */
export const writeSettings = async (root: string, values: Record<string, unknown>): Promise<void> => {
  const document = await read(root);
  for (const [key, value] of Object.entries(values)) {
    const path = ["config", `muster:${key}`];
    if (value === undefined) document.deleteIn(path);
    else document.setIn(path, document.createNode(value));
  }
  await writeFile(stackFile(root), document.toString());
};

/**
 * Takes out what another passphrase encrypted: the salt and every secure value. For a checkout whose .muster folder,
 * with the passphrase, was removed. The names of the values that are gone.
 */
export const dropSecrets = async (root: string): Promise<string[]> => {
  const document = await read(root);
  if (!document.has("encryptionsalt")) return [];
  document.delete("encryptionsalt");
  const config = document.get("config");
  const gone: string[] = [];
  for (const pair of isMap(config) ? [...config.items] : []) {
    if (!isScalar(pair.key) || !isMap(pair.value) || !pair.value.has("secure")) continue;
    gone.push(String(pair.key.value));
    document.deleteIn(["config", pair.key.value]);
  }
  await writeFile(stackFile(root), document.toString());
  return gone;
};
