// Goal: a machine that boots is told what to run or when to ask again, and what it says of a boot that failed is there for
// people and for nothing else.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type BootOptions, makeBoot } from "../../../agent/manager/boot.ts";
import { bootBook, type BootBook } from "../../../agent/manager/history/boots.ts";
import { stateView } from "../../../agent/manager/web/state.ts";
import type { World } from "../../../agent/manager/world.ts";
import { type FakeClock, fakeClock, type LoggedDeps, quietDeps } from "./web/fake-deps.ts";
import { config, machine, world } from "./worlds.ts";

const sha = (digit: string) => digit.repeat(64);
const archive = {
  version: "2.336.0",
  sha256: sha("a"),
  urls: ["https://github.example/runner.tar.gz"],
};
let folder: string;
let clock: FakeClock;
let deps: LoggedDeps;
let believed: World;
let book: BootBook;
beforeEach(() => {
  book = bootBook([]);
  folder = mkdtempSync(join(tmpdir(), "muster-boot-"));
  clock = fakeClock();
  deps = quietDeps(clock);
  runs(sha("1"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const runs = (sha256: string) => {
  const settings = config({ arm64: {} });
  const path = join(folder, sha256);
  writeFileSync(path, `// ${sha256}`);
  settings.manager.runnerBundle = { path, sha256 };
  believed = world({ config: settings, machines: [machine("i-1", "starting", { pool: "arm64" })] });
};
const boot = (over: Partial<BootOptions> = {}) =>
  makeBoot({
    world: () => believed,
    github: { archive: async () => archive },
    failed: (view) => book.add(view),
    deps,
    ...over,
  });

test("the manifest names the agent at the manager and the runner at GitHub", async () => {
  expect(await boot().manifest("arm64", "arm64")).toBe(
    [
      `agent.mjs ${sha("1")} /bundle/runner-${sha("1")}.mjs`,
      `runner.tar.gz ${sha("a")} https://github.example/runner.tar.gz`,
      "",
    ].join("\n"),
  );
});

test("a mirror comes before GitHub", async () => {
  const mirrors = async () => ["https://bucket.example/runner.tar.gz?signed"];
  expect((await boot({ mirrors }).manifest("arm64", "arm64")).split("\n").slice(1, 3)).toEqual([
    `runner.tar.gz ${sha("a")} https://bucket.example/runner.tar.gz?signed`,
    `runner.tar.gz ${sha("a")} https://github.example/runner.tar.gz`,
  ]);
});

test("a pool that is none gets no manifest", async () => {
  await expect(boot().manifest("arm64", "other")).rejects.toMatchObject({ status: 404 });
});

test("while GitHub does not say, machines come again, and GitHub is not asked for each of them", async () => {
  let asked = 0;
  let answers = false;
  const github = {
    archive: async () => {
      asked += 1;
      if (!answers) throw new Error("GitHub is down");
      return archive;
    },
  };
  const { manifest } = boot({ github });
  const later = { status: 503, code: "busy", retryAfterSeconds: 5 };
  for (let n = 0; n < 10; n++) await expect(manifest("arm64", "arm64")).rejects.toMatchObject(later);
  expect(asked).toBe(1);
  answers = true;
  clock.advance(5_000);
  expect(await manifest("arm64", "arm64")).toContain("runner.tar.gz");
});

test("nobody waits long for a GitHub that is slow", async () => {
  const archive = (_arch: string, signal: AbortSignal) =>
    new Promise<never>((_resolve, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason as Error)),
    );
  const answer = boot({ github: { archive } }).manifest("arm64", "arm64");
  clock.advance(3_000);
  await expect(answer).rejects.toMatchObject({ status: 503 });
});

test("an archive that is only to be had in clear is not named", async () => {
  const github = { archive: async () => ({ ...archive, urls: ["http://github.example/runner.tar.gz"] }) };
  await expect(boot({ github }).manifest("arm64", "arm64")).rejects.toMatchObject({ status: 503 });
});

test("the agent that a manifest named is there also after the next one came, and others are not", async () => {
  const { manifest, runnerBundle } = boot();
  await manifest("arm64", "arm64");
  runs(sha("2"));
  expect(Buffer.from((await runnerBundle(sha("1")))!).toString()).toBe(`// ${sha("1")}`);
  expect(Buffer.from((await runnerBundle(sha("2")))!).toString()).toBe(`// ${sha("2")}`);
  expect(await runnerBundle(sha("3"))).toBeNull();
  for (const digit of ["4", "5", "6"]) {
    runs(sha(digit));
    await manifest("arm64", "arm64");
  }
  expect(await runnerBundle(sha("1"))).toBeNull();
});

const hostile = "\u001b[2Jcurl: (60) \u202ecertificate\nrunner.tar.gz has another hash\n";
const stateNow = () => {
  const failedBoots = book.all();
  const meta = { startedMs: 0, managerBundle: "", healthy: true, problem: null, failedBoots };
  const input = {
    world: believed,
    refusals: {},
    capacity: {},
    history: { jobs: () => [], waits: () => ({}) },
    meta,
  };
  return stateView(input, clock.now());
};

test("what a machine says of its boot is in the log and beside the machine, in visible characters", () => {
  const at = boot();
  at.report({ machine: "i-1", pool: "arm64", phase: "downloads", text: hostile });
  const said = ["\\u{1b}[2Jcurl: (60) \\u{202e}certificate", "runner.tar.gz has another hash"];
  expect(JSON.parse(deps.lines[0]!)).toMatchObject({ machine: "i-1", phase: "downloads", said });
  const state = stateNow();
  expect(state.machines[0]?.problem).toBe(
    "its boot failed in the phase downloads: runner.tar.gz has another hash",
  );
  expect(state.failedBoots).toMatchObject([
    { machine: "i-1", pool: "arm64", phase: "downloads", lines: said },
  ]);
});

test("of a machine that was started again, what it said in an earlier start is the past", () => {
  const at = boot();
  at.report({ machine: "i-1", pool: "arm64", phase: "downloads", text: "no network" });
  clock.advance(60_000);
  believed = world({
    config: config({ arm64: {} }),
    machines: [machine("i-1", "starting", { pool: "arm64", askedMs: clock.now() })],
  });
  expect(stateNow()).toMatchObject({ machines: [{ problem: null }], failedBoots: [{ machine: "i-1" }] });
});

test("it counts for nothing once the machine enrolled, or for a machine that there is not", () => {
  const at = boot();
  for (const id of ["i-1", "i-9"]) at.report({ machine: id, pool: "arm64", phase: "start", text: "x" });
  believed = world({
    config: config({ arm64: {} }),
    machines: [machine("i-1", "enrolled", { pool: "arm64" })],
  });
  const { machines, failedBoots } = stateNow();
  expect(machines).toMatchObject([{ id: "i-1", problem: null }]);
  expect(failedBoots?.map((each) => each.machine)).toEqual(["i-9", "i-1"]);
});

test("only so many are kept, and for a day", () => {
  const at = boot();
  for (let n = 0; n < 80; n++)
    at.report({ machine: `i-${n}`, pool: "arm64", phase: "start", text: "x\n".repeat(99) });
  expect(book.all()).toHaveLength(50);
  expect(book.all()[0]).toMatchObject({ machine: "i-79" });
  expect(book.all()[0]!.lines).toHaveLength(20);
  clock.advance(25 * 3_600_000);
  expect(stateNow().failedBoots).toBeUndefined();
});
