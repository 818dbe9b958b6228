/** Reads by page and ETag against an API of the test's own. */
import { expect, test } from "vitest";
import { makeReader } from "../../../../../agent/manager/github/queued/reader.ts";
import * as shapes from "../../../../../agent/manager/github/queued/schemas.ts";
import type { Rest, RestCall } from "../../../../../agent/manager/github/login.ts";
import { signal } from "../harness.ts";

const runs = (...ids: number[]) => ({
  total_count: ids.length,
  workflow_runs: ids.map((id) => ({ id, status: "queued" })),
});

/** Answers each route with what it holds, and 304 to whom names its present ETag. */
function api(answers: Record<string, { data: unknown; link?: string }>) {
  const calls: RestCall[] = [];
  const rest: Rest = {
    credential: () => ({ kind: "token", expiresMs: null, scopes: null }),
    call: () => Promise.reject(new Error("not asked for")),
    ask: (call) => {
      calls.push(call);
      const { data, link } = answers[call.route.slice("GET ".length)]!;
      const etag = `"${JSON.stringify(data).length}"`;
      const headers: Record<string, string | undefined> = { etag, link };
      const header = (name: string) => headers[name] ?? null;
      return Promise.resolve(
        call.etag === etag ? { status: 304, data: undefined, header } : { status: 200, data, header },
      );
    },
  };
  return { calls, rest };
}
const reader = (rest: Rest, answersMax = 1_000) =>
  makeReader(
    () => rest,
    { read: () => {}, write: () => Promise.resolve() },
    { seen: () => {}, pauseMs: () => 0 },
    { answersMax },
  );
const list = (path: string, from: ReturnType<typeof reader>) =>
  from.all("listing", path, shapes.runs, signal());

test("every page is read as its Link says, and what did not change is taken from before", async () => {
  const { rest, calls } = api({
    "/runs?per_page=100": { data: runs(1, 2), link: '<x>; rel="next"' },
    "/runs?per_page=100&page=2": { data: runs(3), link: '<x>; rel="first"' },
  });
  const own = reader(rest);
  const before = await list("/runs", own);
  expect(before.items.map(({ id }) => id)).toEqual([1, 2, 3]);
  expect(own.spent()).toEqual({ calls: 2, counted: 2 });
  expect((await list("/runs", own)).items).toEqual(before.items);
  expect(own.spent()).toEqual({ calls: 2, counted: 0 });
  expect(calls.map(({ etag }) => etag === undefined)).toEqual([true, true, false, false]);
});

test("fewer things than GitHub counts are no whole list", async () => {
  const { rest } = api({ "/runs?per_page=100": { data: { ...runs(1, 2), total_count: 3 } } });
  expect(await list("/runs", reader(rest))).toMatchObject({ whole: false, total: 3 });
});

test("answers are kept up to a bound by their size, the longest unused go first", async () => {
  const { rest, calls } = api({
    "/a?per_page=100": { data: runs(1, 2, 3) },
    "/b?per_page=100": { data: runs(4) },
    "/c?per_page=100": { data: runs(5, 6, 7) },
  });
  const own = reader(rest, 7);
  for (const path of ["/a", "/b", "/a", "/c", "/c", "/a", "/b"]) await list(path, own);
  // /a and /b fit together; /c takes the place of both.
  expect(calls.map(({ etag }) => (etag === undefined ? "asked" : "kept"))).toEqual([
    "asked",
    "asked",
    "kept",
    "asked",
    "kept",
    "asked",
    "asked",
  ]);
});

test("an answer of another shape is an error and is not kept", async () => {
  const answers: Record<string, { data: unknown }> = { "/runs?per_page=100": { data: { oops: true } } };
  const { rest, calls } = api(answers);
  const own = reader(rest);
  await expect(list("/runs", own)).rejects.toMatchObject({ reason: "unavailable" });
  answers["/runs?per_page=100"] = { data: runs(1) };
  expect((await list("/runs", own)).items).toHaveLength(1);
  expect(calls.every(({ etag }) => etag === undefined)).toBe(true);
});
