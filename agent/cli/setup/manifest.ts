/** The App that GitHub is asked to make, and where its pages are (docs: registering a GitHub App from a manifest). */
import type { Target } from "../../manager/github/url.ts";
import type { Right } from "./rights.ts";

export interface Manifest {
  name: string;
  url: string;
  description: string;
  public: false;
  redirect_url: string;
  default_permissions: Record<string, "read" | "write">;
}

/** GitHub's limit; a name is unique in all of GitHub, and can be changed on its page before the App is made. */
const nameMax = 34;

export const appName = (stack: string, target: Target): string =>
  ["muster", stack, ownerOf(target), target.repository]
    .filter((part) => part !== null)
    .join("-")
    .replace(/[^A-Za-z0-9-]+/g, "-")
    .slice(0, nameMax)
    .replace(/-+$/, "");

/** Without `hook_attributes` the App has no webhook at all. */
export const manifestFor = (options: {
  stack: string;
  target: Target;
  rights: readonly Right[];
  redirectUrl: string;
}): Manifest => ({
  name: appName(options.stack, options.target),
  url: options.target.url,
  description: "Registers and removes self-hosted runners for muster. It has no webhook and reads no code.",
  public: false,
  redirect_url: options.redirectUrl,
  default_permissions: Object.fromEntries(
    options.rights.map(({ permission, level }) => [permission, level] as const),
  ),
});

/** The account that owns the repository, or the organisation. */
export const ownerOf = ({ url }: Target): string => new URL(url).pathname.split("/")[1]!;

export type OwnerKind = "organization" | "user";

/** Where the manifest is posted to. */
export const newAppUrl = (target: Target, owner: OwnerKind, state: string): string => {
  const { origin } = new URL(target.url);
  const path =
    owner === "user" ? "/settings/apps/new" : `/organizations/${ownerOf(target)}/settings/apps/new`;
  return `${origin}${path}?state=${encodeURIComponent(state)}`;
};

export interface AppPlace {
  slug: string;
  /** As GitHub gave it. */
  htmlUrl: string;
  owner: { login: string; kind: OwnerKind };
}

/** The App's public page; only believed when it is of the same GitHub. */
const page = (target: Target, { slug, htmlUrl }: AppPlace): string => {
  const { origin } = new URL(target.url);
  if (URL.canParse(htmlUrl) && new URL(htmlUrl).origin === origin) return htmlUrl.replace(/\/$/, "");
  const path = target.api === `${origin}/api/v3` ? "github-apps" : "apps";
  return `${origin}/${path}/${encodeURIComponent(slug)}`;
};

export const installUrl = (target: Target, app: AppPlace): string => `${page(target, app)}/installations/new`;

/** Where its owner changes it, makes another key, and deletes it. */
export const settingsUrl = (target: Target, { slug, owner }: AppPlace): string => {
  const { origin } = new URL(target.url);
  const path = owner.kind === "user" ? "" : `/organizations/${encodeURIComponent(owner.login)}`;
  return `${origin}${path}/settings/apps/${encodeURIComponent(slug)}`;
};
