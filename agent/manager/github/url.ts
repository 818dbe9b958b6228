/** The address at which runners are registered, and what follows from it (github.md: rules of the official client). */

export interface Target {
  /** Without a trailing slash; sent to GitHub as the place of registration. */
  url: string;
  kind: "repository" | "organization" | "enterprise";
  /** Base of the REST API. */
  api: string;
  /** REST path of the owner of the runners: `/repos/acme/widgets`, `/orgs/acme`, `/enterprises/acme`. */
  path: string;
  /** Name without owner; null unless a repository. */
  repository: string | null;
}

const allowed = "https://HOST/ORGANISATION, https://HOST/OWNER/REPOSITORY or https://HOST/enterprises/NAME";

/**
 * One segment is an organisation, `enterprises/X` an enterprise, any other two are a repository. github.com and
 * *.ghe.com have their API at api.HOST; every other host is an Enterprise Server with /api/v3.
 * @throws when the URL names none of these.
 */
export function parseTarget(text: string): Target {
  const wrong = (why: string) => new Error(`github.url "${text}" ${why}: give ${allowed}`);
  if (!URL.canParse(text)) throw wrong("is not a URL");
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw wrong("is neither https nor http");
  // A token sent to http://github.com is on the wire before the redirect to https comes.
  if (url.protocol === "http:" && !isLoopback(url.hostname)) throw wrong("would send the token unencrypted");
  if (url.username || url.password) throw wrong("holds credentials, which belong into githubToken");
  const parts = url.pathname.split("/").filter((part) => part !== "");
  const [first, second] = parts;
  if (first === undefined || parts.length > 2) throw wrong("does not name one place");
  const host = url.hostname.toLowerCase();
  const api = isHosted(host)
    ? `${url.protocol}//api.${host.replace(/^www\./, "")}${url.port ? `:${url.port}` : ""}`
    : `${url.origin}/api/v3`;
  const target = { url: `${url.origin}/${parts.join("/")}`, api, repository: null };
  if (second === undefined) return { ...target, kind: "organization", path: `/orgs/${first}` };
  if (first.toLowerCase() === "enterprises")
    return { ...target, kind: "enterprise", path: `/enterprises/${second}` };
  return { ...target, kind: "repository", path: `/repos/${first}/${second}`, repository: second };
}

const isHosted = (host: string) =>
  ["github.com", "www.github.com", "github.localhost"].includes(host) || host.endsWith(".ghe.com");
const isLoopback = (host: string) =>
  ["localhost", "[::1]"].includes(host) || host.endsWith(".localhost") || /^127(\.\d{1,3}){3}$/.test(host);
