/** Whose queued runs are read: the one repository, or those of the organisation that this login may see. */
import type { Deps } from "../../deps.ts";
import type { Ms } from "../../world.ts";
import type { ManagerConfig } from "../../../manager-config.ts";
import { GitHubError } from "../errors.ts";
import type { Timings } from "../timings.ts";
import type { Target } from "../url.ts";
import type { Reader } from "./reader.ts";
import * as shapes from "./schemas.ts";

export interface Repository {
  /** `acme/widgets` */
  name: string;
  pushedMs: Ms | null;
  /** Its lists are to be read then. */
  dueMs: Ms;
}
export interface Repositories {
  all(): readonly Repository[];
  /** Lists an organisation's anew when that is due. @throws GitHubError */
  refresh(signal: AbortSignal): Promise<void>;
}

/**
 * There is no organisation-wide queue: each repository is asked for its own. A token lists the organisation's repositories,
 * an App those of its installation.
 * @throws GitHubError `bad-request` for an enterprise
 */
export function makeRepositories(
  target: Target,
  kind: () => ManagerConfig["github"]["login"]["kind"],
  reader: Reader,
  timings: Timings,
  deps: Pick<Deps, "clock">,
): Repositories {
  const known = new Map<string, Repository>();
  const owner = target.path.split("/").at(-1)!;
  let dueMs: Ms = 0;
  const put = (name: string, pushedMs: Ms | null) => {
    const key = name.toLowerCase();
    const old = known.get(key);
    if (old) old.pushedMs = pushedMs;
    else known.set(key, { name, pushedMs, dueMs: 0 });
  };
  if (target.kind === "repository") put(target.path.slice("/repos/".length), null);

  return {
    all: () => [...known.values()],
    refresh: async (signal) => {
      if (target.kind === "repository" || deps.clock.now() < dueMs) return;
      refuseEnterprise(target);
      const what = `listing the repositories of ${target.url}`;
      const path = kind() === "app" ? "/installation/repositories" : `${target.path}/repos?type=all`;
      const { items, whole } = await reader.all(what, path, shapes.repositories, signal);
      const usable = items.filter(
        ({ owner: { login }, archived, disabled }) =>
          login.toLowerCase() === owner.toLowerCase() && !archived && !disabled,
      );
      for (const { full_name: name, pushed_at: pushedMs } of usable) put(name, pushedMs);
      const names = new Set(usable.map(({ full_name: name }) => name.toLowerCase()));
      if (whole) for (const key of known.keys()) if (!names.has(key)) known.delete(key);
      dueMs = deps.clock.now() + timings.repositoriesFreshMs;
    },
  };
}

export const noEnterprise = (url: string): string =>
  `${url}: queued runs cannot be read for an enterprise, GitHub has no such list. Set muster:github.url to an organisation or a repository, or muster:github.source to scale-sets`;

function refuseEnterprise({ kind, url }: Target): void {
  if (kind === "enterprise") throw new GitHubError(noEnterprise(url), { reason: "bad-request" });
}
