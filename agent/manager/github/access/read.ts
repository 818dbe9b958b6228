/** Reads who may use the runners of a place: repositories' visibility, runner groups, scale sets, registered runners. */
import * as z from "zod";
import { GitHubError, unreadable } from "../errors.ts";
import type { Rest } from "../login.ts";
import type { ScaleSet } from "../schemas.ts";
import type { Service } from "../service.ts";
import type { Target } from "../url.ts";

/** What was read, or why it was not. */
export type Read<T> = { is: "read"; value: T } | { is: "unread"; why: GitHubError };

/** A runner group (REST, "self-hosted runner groups"). */
export interface Group {
  id: number;
  name: string;
  /** all: every repository, private: all but the public ones, selected: those of the list. */
  visibility: "all" | "private" | "selected";
  admitsPublic: boolean;
  /** Of `selected`, by full name; null: no such list, or it was not read, or not to its end. */
  repositories: readonly Repository[] | null;
}
export interface Repository {
  name: string;
  public: boolean;
}
/** A runner that was registered by hand or by other software; runners of scale sets show no labels. */
export interface OtherRunner {
  id: number;
  name: string;
  online: boolean;
  labels: readonly string[];
  groupId: number | null;
}

export interface Place {
  kind: Target["kind"];
  url: string;
  /** Public repositories whose jobs the place could get, the first ten; of an enterprise nobody can list them: null. */
  publicRepositories: Read<readonly string[]> | null;
  /** Null: a repository has none of its own. */
  groups: Read<readonly Group[]> | null;
  sets: Read<readonly ScaleSet[]>;
  runners: Read<readonly OtherRunner[]>;
}

const repository = z
  .object({ full_name: z.string(), visibility: z.string().optional(), private: z.boolean() })
  .transform((is): Repository => ({
    name: is.full_name,
    // `internal` repositories are private ones. Old servers do not name the visibility.
    public: is.visibility === undefined ? !is.private : is.visibility === "public",
  }));
const group = z.object({
  id: z.int(),
  name: z.string(),
  visibility: z.enum(["all", "private", "selected"]).catch("all"),
  // What is not said is not excluded.
  allows_public_repositories: z.boolean().catch(true),
});
const runner = z.object({
  id: z.int(),
  name: z.string(),
  status: z.string().catch("offline"),
  labels: z.array(z.object({ name: z.string() }).transform(({ name }) => name)).catch([]),
  runner_group_id: z.int().nullable().catch(null),
});

/** Of any list so many pages of 100 are read. */
const pagesMax = 30;

/** @param groupNames groups whose selected repositories matter; those of others are not asked for. */
export async function readPlace(
  { rest, service, target }: { rest: Rest; service: Pick<Service, "listSets">; target: Target },
  groupNames: readonly string[],
  signal: AbortSignal,
): Promise<Place> {
  const get = async <T>(what: string, path: string, schema: z.ZodType<T>): Promise<T> => {
    const parsed = schema.safeParse(await rest.call({ what, route: `GET ${path}` }, signal));
    if (parsed.success) return parsed.data;
    const { path: where, message } = parsed.error.issues[0]!;
    throw unreadable(what, `${where.join(".")}: ${message}`);
  };
  const counted = async <T>(what: string, path: string, key: string, item: z.ZodType<T>) => {
    const all: T[] = [];
    const schema = z
      .object({ [key]: z.array(item), total_count: z.int().catch(0).default(0) })
      .transform((body) => ({ found: body[key] as T[], total: body.total_count as number }));
    for (let page = 1; ; page += 1) {
      const { found, total } = await get(what, `${path}?per_page=100&page=${page}`, schema);
      all.push(...found);
      if (found.length < 100) return { all, whole: all.length >= total };
      if (page === pagesMax) return { all, whole: false };
    }
  };
  const pages = async <T>(...of: Parameters<typeof counted<T>>): Promise<T[]> => (await counted(...of)).all;

  const publicOnes = async (): Promise<readonly string[]> => {
    const what = `reading who can see ${target.url}`;
    if (target.kind === "organization") {
      const found = await get(
        what,
        `${target.path}/repos?type=public&per_page=10`,
        z.array(repository).max(100),
      );
      return found.filter((one) => one.public).map(({ name }) => name);
    }
    try {
      const found = await get(what, target.path, repository);
      return found.public ? [found.name] : [];
    } catch (error) {
      // Everybody can see a public repository: one that this login cannot see is not public.
      if (error instanceof GitHubError && error.status === 404) return [];
      throw error;
    }
  };
  const groups = async (): Promise<readonly Group[]> => {
    const path = `${target.path}/actions/runner-groups`;
    const found = await pages("reading the runner groups", path, "runner_groups", group);
    const wanted = new Set(groupNames.map((name) => name.toLowerCase()));
    // The default group has the id 1, whatever it is called.
    const matters = ({ id, name }: { id: number; name: string }) =>
      wanted.has(name.toLowerCase()) || (id === 1 && wanted.has("default"));
    const others = found.some((one) => one.visibility === "selected" && matters(one));
    return Promise.all(
      found.map(async ({ allows_public_repositories: admitsPublic, ...one }): Promise<Group> => {
        const asked =
          target.kind === "organization" && one.visibility === "selected" && (others || matters(one));
        const list = async () => {
          const { all, whole } = await counted(
            `reading the repositories of runner group ${one.name}`,
            `${path}/${one.id}/repositories`,
            "repositories",
            repository,
          );
          // Of a list that was read in part nobody knows that no public one is in it.
          return whole ? all : null;
        };
        return { ...one, admitsPublic, repositories: asked ? await list().catch(() => null) : null };
      }),
    );
  };

  const [publicRepositories, group_, sets, runners] = await Promise.all([
    target.kind === "enterprise" ? null : read(publicOnes()),
    target.kind === "repository" ? null : read(groups()),
    read(service.listSets(signal)),
    read(pages("listing runners", `${target.path}/actions/runners`, "runners", runner)),
  ]);
  return {
    kind: target.kind,
    url: target.url,
    publicRepositories,
    groups: group_,
    sets,
    runners: mapped(runners, (all) =>
      all
        .filter(({ labels }) => labels.length > 0)
        .map(({ runner_group_id: groupId, status, ...one }) => ({
          ...one,
          groupId,
          online: status === "online",
        })),
    ),
  };
}

async function read<T>(reading: Promise<T>): Promise<Read<T>> {
  try {
    return { is: "read", value: await reading };
  } catch (error) {
    const why =
      error instanceof GitHubError ? error : new GitHubError((error as Error).message, { reason: "unknown" });
    return { is: "unread", why };
  }
}
const mapped = <T, U>(from: Read<T>, change: (value: T) => U): Read<U> =>
  from.is === "read" ? { is: "read", value: change(from.value) } : from;

/** The list, or nothing where it was not read. */
export const mostRead = <T>(from: Read<readonly T[]> | null): readonly T[] =>
  from?.is === "read" ? from.value : [];

/** A pool's group; undefined: there is none of that name. The default group is 1, whatever it is called. */
export const groupNamed = (groups: readonly Group[], name: string): Group | undefined =>
  groups.find((one) => one.name.toLowerCase() === name.toLowerCase()) ??
  (name.toLowerCase() === "default" ? groups.find(({ id }) => id === 1) : undefined);
