/** Reads of the REST API: pages, answers kept for If-None-Match, quota and points counted. */
import * as z from "zod";
import { GitHubError, unreadable } from "../errors.ts";
import type { Rest, RestAnswer } from "../login.ts";
import type { Timings } from "../timings.ts";
import type { Points } from "./points.ts";
import type { Quota } from "./quota.ts";

interface Page<T> {
  /** As GitHub counts them, all pages together. */
  total: number;
  items: readonly T[];
}
export interface Listed<T> {
  items: readonly T[];
  /** Every page was read, and together they hold as many as GitHub counts. */
  whole: boolean;
  total: number;
}
export interface Reader {
  /** All pages of a list. `path` may hold a query. @throws GitHubError: then nothing is known */
  all<T>(what: string, path: string, schema: z.ZodType<Page<T>>, signal: AbortSignal): Promise<Listed<T>>;
  one<T>(what: string, path: string, schema: z.ZodType<T>, signal: AbortSignal): Promise<T>;
  /** Calls since this was last asked: all, and those that count against the quota. */
  spent(): { calls: number; counted: number };
}

const perPage = 100;
/** GitHub shows no more of a filtered list (docs: 1,000 results). */
const pagesMax = 10;

interface Kept {
  etag: string;
  value: unknown;
  more: boolean | null;
  /** One for itself and one for each thing in it. */
  weight: number;
}

export function makeReader(
  rest: () => Rest,
  points: Points,
  quota: Quota,
  timings: Pick<Timings, "answersMax">,
): Reader {
  const kept = new Map<string, Kept>();
  let weight = 0;
  const drop = (path: string) => {
    weight -= kept.get(path)?.weight ?? 0;
    kept.delete(path);
  };
  /** The oldest goes first: a Map keeps the order in which it was filled. */
  const keep = (path: string, answer: Kept) => {
    drop(path);
    kept.set(path, answer);
    weight += answer.weight;
    while (weight > timings.answersMax && kept.size > 1) drop(kept.keys().next().value!);
  };
  let spent = { calls: 0, counted: 0 };

  const ask = async (what: string, path: string, signal: AbortSignal): Promise<RestAnswer> => {
    points.read();
    spent.calls += 1;
    const etag = kept.get(path)?.etag;
    const call = { what, route: `GET ${path}`, ...(etag === undefined ? {} : { etag }) };
    try {
      const answer = await rest().ask(call, signal);
      if (answer.status !== 304) spent.counted += 1;
      quota.seen(answer.header);
      return answer;
    } catch (error) {
      spent.counted += 1;
      throw error;
    }
  };
  const read = async <T>(what: string, path: string, schema: z.ZodType<T>, signal: AbortSignal) => {
    const answer = await ask(what, path, signal);
    const before = kept.get(path);
    if (answer.status === 304) {
      if (!before) throw unreadable(what, "it is 304 to a question without an etag");
      keep(path, before);
      return { value: before.value as T, more: before.more };
    }
    const parsed = schema.safeParse(answer.data);
    if (!parsed.success) throw unreadable(what, z.prettifyError(parsed.error));
    const link = answer.header("link");
    const more = link === null ? null : /rel="next"/.test(link);
    const etag = answer.header("etag");
    if (etag === null) drop(path);
    else keep(path, { etag, value: parsed.data, more, weight: 1 + sizeOf(parsed.data) });
    return { value: parsed.data, more };
  };

  return {
    one: async (what, path, schema, signal) => (await read(what, path, schema, signal)).value,
    all: async (what, path, schema, signal) => {
      const items = [];
      const join = path.includes("?") ? "&" : "?";
      for (let page = 1; ; page += 1) {
        // The first page's address is the same whether or not there are more: its answer is kept either way.
        const query = `${join}per_page=${perPage}${page === 1 ? "" : `&page=${page}`}`;
        const { value, more } = await read(what, path + query, schema, signal);
        items.push(...value.items);
        if (!(more ?? value.items.length === perPage))
          return { items, total: value.total, whole: items.length >= value.total };
        if (page === pagesMax) return { items, total: value.total, whole: false };
      }
    },
    spent: () => {
      const now = spent;
      spent = { calls: 0, counted: 0 };
      return now;
    },
  };
}

const sizeOf = (value: unknown): number => {
  const { items } = (value ?? {}) as { items?: unknown };
  return Array.isArray(items) ? items.length : 0;
};

/** GitHub has no such thing, or this login may not see it: REST answers both with 404. */
export const isMissing = (error: unknown): boolean => error instanceof GitHubError && error.status === 404;
