/** Runner groups by REST: an organisation's, by name. A repository's runners are in no group but the default. */
import { GitHubError } from "../errors.ts";
import type { Target } from "../url.ts";
import type { Reader } from "./reader.ts";
import * as shapes from "./schemas.ts";

export interface Groups {
  /** @throws GitHubError `bad-request` that lists the groups, when there is none of that name */
  idOf(name: string, signal: AbortSignal): Promise<number>;
  /** A group was refused: its id may be another by now. */
  forget(): void;
  /** The error, with the groups that there are where the group is what was refused. */
  explain(error: unknown, name: string, signal: AbortSignal): Promise<unknown>;
}

/** The default group is 1 everywhere, also where there are no groups. */
const defaultGroupId = 1;
const isDefault = (name: string) => name.toLowerCase() === "default";

export function makeGroups(target: Target, reader: Reader): Groups {
  let known: ReadonlyMap<string, { id: number; name: string }> | null = null;
  const all = async (signal: AbortSignal) => {
    const what = `listing the runner groups of ${target.url}`;
    const { items } = await reader.all(what, `${target.path}/actions/runner-groups`, shapes.groups, signal);
    known = new Map(items.map((group) => [group.name.toLowerCase(), group]));
    return known;
  };
  const names = (groups: ReadonlyMap<string, { name: string }>) =>
    [...groups.values()].map(({ name }) => name).join(", ") || "none";
  const bad = (message: string) => new GitHubError(message, { reason: "bad-request" });

  return {
    idOf: async (name, signal) => {
      if (isDefault(name)) return defaultGroupId;
      if (target.kind === "repository")
        throw bad(
          `runnerGroup "${name}": runners of a repository are in no group. Leave runnerGroup out, or set muster:github.url to the organisation`,
        );
      const group = known?.get(name.toLowerCase()) ?? (await all(signal)).get(name.toLowerCase());
      if (group) return group.id;
      throw bad(
        `runnerGroup "${name}" does not exist at GitHub. Groups there: ${names(known!)}. Create it, or name one of these`,
      );
    },
    forget: () => (known = null),
    explain: async (error, name, signal) => {
      if (!(error instanceof GitHubError) || error.status !== 422 || target.kind !== "organization")
        return error;
      const groups = await all(signal).catch(() => null);
      return groups === null
        ? error
        : bad(`${error.message}. runnerGroup is "${name}"; groups there: ${names(groups)}`);
    },
  };
}
