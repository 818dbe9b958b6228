/** Counts what is asked of GitHub by route, so that a rate limit's cause can be seen. */
import type { Deps } from "./deps.ts";

/** `fetch` that reports each answer's status under its route; 0 where no answer came. */
export function counting(
  fetch: Deps["fetch"],
  observe: (route: string, status: number) => void,
): Deps["fetch"] {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const route = routeOf(init?.method ?? "GET", url.pathname);
    try {
      const response = await fetch(input, init);
      observe(route, response.status);
      return response;
    } catch (error) {
      observe(route, 0);
      throw error;
    }
  };
}

/**
 * A path without what varies, so that there are few: ids become `:id`, versions and file names `:name`, the owner and
 * repository of a REST path `:owner/:repo`.
 */
export function routeOf(method: string, path: string): string {
  const parts = path.split("/").map((part) => (/\d/.test(part) && !/^v\d$/.test(part) ? ":id" : part));
  const route = parts
    .join("/")
    .replace(/\/repos\/[^/]+\/[^/]+/, "/repos/:owner/:repo")
    .replace(/\/(orgs|enterprises)\/[^/]+/, "/$1/:owner");
  return `${method} ${route}`;
}
