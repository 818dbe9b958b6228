/** Removes a scale set whose stack is gone: by hand, by name, and only one that nobody uses. */
import type { ManagerConfig } from "../../manager-config.ts";
import { Refused } from "../errors.ts";
import { visible } from "../web/visible.ts";
import { SessionConflict } from "./errors.ts";
import type { Owned } from "./owned.ts";
import type { ScaleSet } from "./schemas.ts";
import type { Service } from "./service.ts";
import { isNameOf } from "./sets.ts";

/**
 * GitHub tells of nobody who listens to a set, but gives a session to one only: that is how it is found out.
 * @param wanted the set's name, or its id where several groups have one of that name
 * @throws Refused when there is none, it is this stack's own, or somebody uses it; GitHubError
 */
export async function removeSet(
  wanted: string,
  { config, service, owned }: { config: ManagerConfig; service: Service; owned: Owned },
  signal: AbortSignal,
): Promise<{ id: number; name: string }> {
  const set = chosen(wanted, await service.listSets(signal), config);
  const named = `the scale set ${visible(set.name, 100)} (${set.id})`;
  const ours =
    owned.sets().some(({ id }) => id === set.id) ||
    Object.keys(config.pools).some((pool) => isNameOf(config, pool, set.name));
  if (ours)
    throw refused(`${named} is this stack's own: take its pool out of the settings, and it goes by itself`);
  const fresh = (await service.getSet(set.id, signal))?.statistics;
  if (!fresh) throw refused(`what ${named} does is not known: GitHub sent no figures; ask again`);
  if (fresh.registered + fresh.assigned + fresh.running > 0)
    throw refused(`${named} is in use: ${fresh.registered} runners, ${fresh.assigned} jobs`);
  try {
    await service.createSession(set, "muster, to remove it", signal);
  } catch (error) {
    if (!(error instanceof SessionConflict)) throw error;
    throw refused(
      `${named} is in use: somebody listens to it, or did until a moment ago; stop that first, or ask again in a minute`,
    );
  }
  // The session goes with it; were this to fail, GitHub ends a session that nobody polls.
  await service.deleteSet(set.id, signal);
  return { id: set.id, name: set.name };
}

function chosen(wanted: string, all: readonly ScaleSet[], { github }: ManagerConfig): ScaleSet {
  const found = all.filter(
    ({ id, name }) => name.toLowerCase() === wanted.toLowerCase() || String(id) === wanted,
  );
  if (found.length === 1) return found[0]!;
  const list = (sets: readonly ScaleSet[]) =>
    sets.map(({ id, name }) => `${visible(name, 100)} (${id})`).join(", ") || "none";
  throw refused(
    found.length === 0
      ? `there is no scale set ${visible(wanted, 100)} at ${github.url}; there are: ${list(all.slice(0, 50))}`
      : `there are several: ${list(found)}; give the number of one`,
  );
}

const refused = (why: string) => new Refused(409, "bad-request", why);
