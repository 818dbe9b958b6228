/** What is believed of runs and jobs: lists only add, and only what was read whole may miss something. */
import { expect, test } from "vitest";
import { type Book, isOpen, makeBook } from "../../../../../agent/manager/github/queued/book.ts";
import { poolFor, route, tell } from "../../../../../agent/manager/github/queued/figures.ts";
import type { JobEntry, RunEntry } from "../../../../../agent/manager/github/queued/schemas.ts";
import { isWhole } from "../../../../../agent/manager/github/queued/turn.ts";

const place = "acme/widgets";
const run = (id: number, over: Partial<RunEntry> = {}): RunEntry => ({
  id,
  status: "queued",
  run_attempt: 1,
  path: ".github/workflows/build.yml",
  head_branch: "main",
  updated_at: "2026-11-24T00:00:00Z",
  ...over,
});
const job = (id: number, over: Partial<JobEntry> = {}): JobEntry => ({
  id,
  run_id: 1,
  name: `job ${id}`,
  labels: ["linux"],
  status: "queued",
  conclusion: null,
  created_at: id,
  runner_name: null,
  ...over,
});
const pools = new Map([["a", new Set(["linux"])]]);
const nobody = () => undefined;
const telling = { ours: () => true, registered: 0 };
const first = (book: Book) => [...book.runs()][0]!;
const open = (book: Book) => book.jobs().filter(isOpen).length;

test("a run that vanishes from the lists is gone only when its own jobs say so", () => {
  const book = makeBook([]);
  book.listed(place, [run(1)], true, 1);
  book.read(first(book), [job(1), job(2)], true, 2);
  book.listed(place, [], true, 3);
  book.forgetOver();
  expect(open(book)).toBe(2);
  expect(first(book).dueMs).toBe(3);
  // It was between two lists.
  book.read(first(book), [job(1, { status: "in_progress" }), job(2)], true, 4);
  expect(open(book)).toBe(2);
  book.read(
    first(book),
    [1, 2].map((id) => job(id, { status: "completed" })),
    true,
    5,
  );
  book.forgetOver();
  expect([...book.runs()]).toEqual([]);
});

test("part of a list, or of a run's jobs, takes nothing away", () => {
  const book = makeBook([]);
  book.listed(place, [run(1)], true, 1);
  book.read(first(book), [job(1), job(2)], true, 2);
  book.listed(place, [], false, 3);
  expect(first(book).listed).toBe(true);
  expect(book.read(first(book), [job(1)], false, 4)).toEqual([]);
  expect(open(book)).toBe(2);
});

test("an open job that a whole read lacks is asked for alone, and ends as that says", () => {
  const book = makeBook([]);
  book.listed(place, [run(1)], true, 1);
  book.read(first(book), [job(1)], true, 2);
  route(book.jobs(), pools, nobody);
  tell(book.jobs(), 5, telling);
  const missing = book.read(first(book), [job(2)], true, 3);
  expect(missing.map(({ id }) => id)).toEqual(["1"]);
  book.readJob(missing[0]!, job(1, { status: "completed", conclusion: "failure", runner_name: "r" }));
  const mine = book.jobs().filter(({ pool }) => pool === "a");
  expect(tell(mine, 5, telling).news).toMatchObject([
    { is: "started", id: "1", runner: "r" },
    { is: "completed", id: "1", result: "failed" },
  ]);
});

test("what is over stays over, whatever an older answer says", () => {
  const book = makeBook([]);
  book.listed(place, [run(1)], true, 1);
  book.read(first(book), [job(1, { status: "completed" })], true, 2);
  book.read(first(book), [job(1, { status: "in_progress" })], true, 3);
  expect(open(book)).toBe(0);
});

test("noted jobs are unread until their run is, and count for nothing before", () => {
  const book = makeBook([
    { id: "1", repository: place, run: 1, pool: "a", name: "job 1", workflowRef: "w", told: "started" },
  ]);
  expect(isWhole(book)).toBe(false);
  route(book.jobs(), pools, nobody);
  expect(tell(book.jobs(), 5, telling)).toMatchObject({ statistics: { assigned: 0 }, news: [] });
  book.gone(first(book));
  expect(tell(book.jobs(), 5, telling).news).toMatchObject([
    { is: "completed", name: "job 1", result: null },
  ]);
});

test("a list or a mark that did not change asks for no jobs anew", () => {
  const book = makeBook([]);
  book.listed(place, [run(1)], true, 1);
  first(book).dueMs = 1_000;
  book.listed(place, [run(1)], true, 2);
  expect(first(book).dueMs).toBe(1_000);
  book.listed(place, [run(1, { status: "in_progress" })], true, 3);
  expect(first(book).dueMs).toBe(3);
});

test.each([
  [["linux"], null, "one"],
  [["linux"], "two", "two"],
  [["gpu", "linux"], null, "two"],
  [["windows"], null, null],
  [["gpu"], "one", "two"],
  [[], null, null],
])("labels %j with pool %s are for %s", (labels, pool, expected) => {
  const known = new Map([
    ["two", new Set(["linux", "gpu"])],
    ["one", new Set(["linux"])],
  ]);
  expect(poolFor({ labels, pool }, known)).toBe(expected);
});

test("a job on a runner of ours is that runner's pool's, whatever pool its labels name", () => {
  const book = makeBook([]);
  book.listed(place, [run(1)], true, 1);
  book.read(first(book), [job(1)], true, 2);
  const both = new Map([...pools, ["b", new Set(["linux", "big"])]]);
  route(book.jobs(), both, nobody);
  tell(book.jobs(), 5, telling);
  book.read(first(book), [job(1, { status: "in_progress", runner_name: "b-1" })], true, 3);
  route(book.jobs(), both, () => "b");
  expect(book.jobs()[0]).toMatchObject({ pool: "b", told: "nothing" });
});

test("a capacity below what runs takes nothing from it", () => {
  const book = makeBook([]);
  book.listed(place, [run(1)], true, 1);
  const running = (id: number) => job(id, { status: "in_progress", runner_name: `r${id}` });
  book.read(first(book), [running(1), running(2), job(3)], true, 2);
  route(book.jobs(), pools, () => "a");
  expect(tell(book.jobs(), 1, { ours: () => true, registered: 2 }).statistics).toEqual({
    available: 1,
    acquired: 0,
    assigned: 2,
    running: 2,
    registered: 2,
    busy: 2,
    idle: 0,
  });
});
