/** Keeps other web sites out of a server on loopback, and answers from being more than they are. */
import type { MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { createMiddleware } from "hono/factory";
import { every } from "hono/combine";

/**
 * Refuses foreign Host (a name that was rebound to 127.0.0.1), foreign Origin and every method that could change
 * something; adds the headers of each answer. There is no CORS: no other site may read anything.
 * @param port the one we listen on, known only after listening.
 * @param posts the only paths that may be posted to
 * @param formAction where forms of the pages may go
 */
export const guard = (
  port: () => number,
  posts: ReadonlySet<string>,
  formAction: readonly string[] = ["'none'"],
): MiddlewareHandler =>
  every(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: [...formAction],
        frameAncestors: ["'none'"],
      },
      xFrameOptions: "DENY",
      referrerPolicy: "no-referrer",
      strictTransportSecurity: false,
    }),
    createMiddleware(async (c, next) => {
      c.header("cache-control", "no-store");
      const hosts = ownHosts(port());
      const host = c.req.header("host") ?? "";
      if (!hosts.includes(host.toLowerCase())) {
        const message = `The Host header names another server; use http://${hosts[0]}/.`;
        return c.json({ error: "foreign-host", message }, 403);
      }
      if (isForeign(c.req.header(), hosts)) {
        return c.json({ error: "foreign-origin", message: "Requests of other web sites are refused." }, 403);
      }
      const { method } = c.req.raw;
      const mayPost = method === "POST" && posts.has(c.req.path);
      if (method !== "GET" && method !== "HEAD" && !mayPost) {
        const message = `${method} is not served here; changes go through the manager's control socket.`;
        return c.json({ error: "method-not-allowed", message }, 405, { allow: "GET, HEAD" });
      }
      return next();
    }),
  );

function ownHosts(port: number): string[] {
  const names = ["127.0.0.1", "localhost", "[::1]"];
  return port === 80 ? names : names.map((name) => `${name}:${port}`);
}

/** `Sec-Fetch-Site` also tells of requests that carry no Origin; a link from elsewhere to the page is fine. */
function isForeign(headers: Record<string, string>, hosts: readonly string[]): boolean {
  const { origin, "sec-fetch-site": site, "sec-fetch-mode": mode } = headers;
  if (origin !== undefined && !hosts.some((host) => origin === `http://${host}`)) return true;
  return (site === "cross-site" || site === "same-site") && mode !== "navigate";
}
