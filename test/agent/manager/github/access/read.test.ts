/** Long lists: what is judged by a list must not believe one of which only the beginning was read. */
import { expect, test } from "vitest";
import { publicity } from "../../../../../agent/manager/github/access/publicity.ts";
import { type Place, readPlace } from "../../../../../agent/manager/github/access/read.ts";
import type { Rest } from "../../../../../agent/manager/github/login.ts";
import { parseTarget } from "../../../../../agent/manager/github/url.ts";
import { config } from "../../worlds.ts";
import { signal } from "../harness.ts";

const target = parseTarget("https://github.com/acme");
const pool = { ...config({ a: {} }).pools["a"]!, runnerGroup: "Many" };

/** An organisation with one public repository, and a group of so many selected ones, of which that is the last. */
async function placeWith(many: number, told = many): Promise<Place> {
  const all = Array.from({ length: many }, (_, index) => ({
    full_name: `acme/r${index}`,
    visibility: index === many - 1 ? "public" : "private",
    private: index !== many - 1,
  }));
  const call: Rest["call"] = ({ route }) => {
    const url = new URL(route.replace("GET ", ""), "https://api.github.com");
    const start = (Number(url.searchParams.get("page") ?? 1) - 1) * 100;
    if (url.pathname.endsWith("/repositories"))
      return Promise.resolve({ total_count: told, repositories: all.slice(start, start + 100) });
    if (url.pathname.endsWith("/repos")) return Promise.resolve(all.slice(-1));
    const group = { id: 7, name: "Many", visibility: "selected", allows_public_repositories: true };
    const lists = { total_count: 1, runner_groups: [group], runners: [] };
    return Promise.resolve(lists);
  };
  const service = { listSets: () => Promise.resolve([]) };
  return readPlace({ rest: { call } as Rest, service, target }, ["Many"], signal());
}

test("a group's public repository is found on the last page that is read", async () => {
  expect(publicity(pool, await placeWith(2_950))).toMatchObject({ is: "public" });
});

test("one beyond it is not taken for excluded: the organisation's own public ones decide", async () => {
  const place = await placeWith(3_001);
  expect(place.groups).toMatchObject({ value: [{ repositories: null }] });
  expect(publicity(pool, place)).toMatchObject({ is: "public" });
});

test("nor is one of which GitHub only says that there are more than it shows", async () => {
  expect((await placeWith(40, 41)).groups).toMatchObject({ value: [{ repositories: null }] });
});
