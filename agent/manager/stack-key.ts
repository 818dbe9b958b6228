/** The stack's key, under which tokens and sessions are signed: of the CA's key, or one of its own where there is no CA. */
import { createPrivateKey, hkdfSync } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ManagerSecrets } from "../manager-config.ts";
import type { Deps } from "./deps.ts";

/**
 * The first signs; what the others signed before is believed, too. A CA's key outlives the manager's machine and its disk,
 * and with it every session.
 *
 * @throws for a `caKey` that is no private key, without a word of it
 */
export const stackKeys = (
  { caKey, earlierCaKey }: Pick<ManagerSecrets, "caKey" | "earlierCaKey">,
  directory: string,
  deps: Pick<Deps, "id">,
): [Buffer, ...Buffer[]] =>
  caKey === undefined
    ? [ownKey(directory, deps)]
    : [
        derived("caKey", caKey),
        ...(earlierCaKey === undefined ? [] : [derived("earlierCaKey", earlierCaKey)]),
      ];

/** The same for each PEM of the same key. */
const derived = (name: string, pem: string): Buffer => {
  let key: Buffer;
  try {
    key = createPrivateKey(pem).export({ type: "pkcs8", format: "der" });
  } catch {
    throw new Error(`the secret ${name} is no private key in PEM: run "pulumi up"`);
  }
  return Buffer.from(hkdfSync("sha256", key, "", "muster stack v1", 32));
};

const ownKey = (directory: string, deps: Pick<Deps, "id">): Buffer => {
  const path = join(directory, "stack.key");
  const known = existsSync(path) ? readFileSync(path) : null;
  if (known && known.length >= 32) return known;
  const key = Buffer.from(deps.id(64), "hex");
  writeFileSync(`${path}.new`, key, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
  return key;
};
