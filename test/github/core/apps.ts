/** GitHub Apps: those of the options, and those that a person makes from a manifest (docs, "app manifest"). */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { AppOptions, InstallationOptions, Permissions } from "../options.ts";
import { restRefusal } from "./errors.ts";
import type { Sim } from "./sim.ts";
import { sameName } from "./state.ts";

/** What an App asks for when nobody says: everything that muster can use. */
export const allPermissions: Permissions = {
  actions: "write",
  administration: "write",
  deployments: "read",
  metadata: "read",
  organization_self_hosted_runners: "write",
};

export interface App {
  id: number;
  clientId: string;
  slug: string;
  name: string;
  owner: string;
  /** Only its owner can install it. */
  private: boolean;
  publicKey: string;
  /** What an installation gets. */
  permissions: Permissions;
  installations: InstallationOptions[];
}

/** A manifest's answer, until it is fetched once. */
export interface Conversion {
  app: App;
  pem: string;
  expiresMs: number;
}

export const appOf = ({ id, clientId, publicKey, installations, owner, name }: AppOptions): App => ({
  id,
  clientId: clientId ?? `Iv23sim${id}`,
  slug: `app-${id}`,
  name: name ?? `app-${id}`,
  owner: owner ?? installations[0]?.account ?? "acme",
  private: false,
  publicKey,
  permissions: allPermissions,
  installations: installations.map((one) => ({ ...one })),
});

/** As much of a manifest as the simulator reads. */
export interface Manifest {
  name: string;
  redirectUrl: string;
  permissions: Permissions;
  private: boolean;
}

/** Of those that GitHub knows the ones that a manifest for runners could name by right or by mistake. */
const knownPermissions = new Set([
  ...Object.keys(allPermissions),
  ...["checks", "contents", "issues", "members", "organization_administration", "pull_requests", "workflows"],
]);
/** GitHub calls these out of reach of its webhooks. */
const isLocal = (url: string) => /^https?:\/\/(localhost|127\.|\[::1\])/.test(url);

/**
 * What GitHub's page says of a manifest that it does not take.
 * @throws Refusal 422
 */
export function readManifest(text: string): Manifest {
  const no = (why: string) => restRefusal(422, `Invalid GitHub App configuration: ${why}`);
  let given: Record<string, unknown>;
  try {
    given = JSON.parse(text) as Record<string, unknown>;
  } catch {
    throw no("the manifest is no JSON");
  }
  const { name, url, redirect_url: redirectUrl, hook_attributes: hook, default_permissions: wanted } = given;
  if (typeof url !== "string" || !URL.canParse(url)) throw no("url wasn't supplied");
  if (typeof redirectUrl !== "string" || !URL.canParse(redirectUrl)) throw no("redirect_url is not a URL");
  if (name !== undefined && typeof name !== "string") throw no("name is not a string");
  const hookUrl = (hook as { url?: unknown } | undefined)?.url;
  if (hook !== undefined && typeof hookUrl !== "string") throw no("hook_attributes: url wasn't supplied");
  if (typeof hookUrl === "string" && isLocal(hookUrl))
    throw no("Hook url is not supported because it isn't reachable over the public Internet");
  const permissions = (wanted ?? {}) as Permissions;
  for (const [permission, level] of Object.entries(permissions)) {
    if (!knownPermissions.has(permission))
      throw no(`Default permission records resource ${permission} is unknown`);
    if (level !== "read" && level !== "write") throw no(`${permission} has the level ${String(level)}`);
  }
  // Comes with every right to a repository.
  const repository = Object.keys(permissions).some((one) => !one.startsWith("organization_"));
  return {
    name: name ?? "",
    redirectUrl,
    permissions: repository ? { ...permissions, metadata: "read" } : permissions,
    private: given["public"] !== true,
  };
}

/** Makes the App; the answer is the code for its key. @throws Refusal 422 when the name will not do */
export function createApp(sim: Sim, manifest: Manifest, name: string, owner: string): string {
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  if (name === "" || name.length > 34) throw restRefusal(422, "Name must have 1 to 34 characters");
  if (sim.state.apps.some((one) => one.slug === slug)) throw restRefusal(422, "Name is already taken");
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  const id = 2_000_000 + sim.nextId("app");
  const app: App = {
    id,
    clientId: `Iv23sim${id}`,
    slug,
    name,
    owner,
    private: manifest.private,
    publicKey,
    permissions: manifest.permissions,
    installations: [],
  };
  sim.state.apps.push(app);
  const code = randomBytes(20).toString("hex");
  sim.state.conversions.set(code, { app, pem: privateKey, expiresMs: sim.clock.now() + 3_600_000 });
  sim.tokens.remember("app-key", privateKey, privateKey.split("\n")[5]!);
  return code;
}

/** Once, and for an hour; null for every other code. */
export function convert(sim: Sim, code: string): Conversion | null {
  const found = sim.state.conversions.get(code);
  sim.state.conversions.delete(code);
  return found && sim.clock.now() < found.expiresMs ? found : null;
}

/** Installs the App for an account, or changes what its installation there covers; the installation's id. */
export function install(
  sim: Sim,
  app: App,
  wanted: Omit<InstallationOptions, "id" | "permissions"> & { permissions?: Permissions },
): number {
  const known = app.installations.find(({ account }) => sameName(account, wanted.account));
  const id = known?.id ?? 5_000_000 + sim.nextId("installation");
  const installation = { permissions: app.permissions, ...wanted, id };
  app.installations = [...app.installations.filter((one) => one !== known), installation];
  return id;
}
