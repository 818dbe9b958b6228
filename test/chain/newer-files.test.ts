// Goal: files of a newer manager (an upgrade that was taken back) never stop this one. Method: the real bundle is started on
// a journal and a history with a newer schema, twice.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Chain, startChain } from "./chain.ts";

const linux = ["self-hosted", "linux", "small"];

let directory: string;
let chain: Chain | null = null;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "muster-newer-"))));
afterEach(async () => {
  await chain?.stop();
  chain = null;
  rmSync(directory, { recursive: true, force: true });
});
const newer = (name: string) => {
  const database = new DatabaseSync(join(directory, name));
  database.exec(
    "CREATE TABLE of_tomorrow (x INTEGER); INSERT INTO of_tomorrow VALUES (42); PRAGMA user_version = 99",
  );
  database.close();
};
const warnings = () =>
  readFileSync(join(directory, "manager.log"), "utf8")
    .split("\n")
    .filter((line) => line.includes("set aside"));

test("newer files are set aside whole, named in the log, and jobs run; the next start is a plain one", async () => {
  newer("journal.sqlite");
  newer("history.sqlite");
  const at = (chain = await startChain({ pools: { small: { labels: linux } }, directory }));
  expect(warnings()).toEqual([
    expect.stringMatching(/journal\.sqlite\.aside-\d+.*of a newer version.*treated as lost/),
    expect.stringMatching(/history\.sqlite\.newer-schema-99/),
  ]);
  const aside = readdirSync(directory).filter((name) => /\.(aside-\d+|newer-schema-99)$/.test(name));
  expect(aside).toHaveLength(2);
  for (const name of aside) {
    const kept = new DatabaseSync(join(directory, name), { readOnly: true });
    expect(kept.prepare("SELECT x FROM of_tomorrow").get(), name).toEqual({ x: 42 });
    kept.close();
  }
  await at.github.control.dispatchJobs([{ name: "runs", labels: linux }]);
  await at.github.control.wait({ what: "jobs", phase: "completed", count: 1 }, 40_000);
  await at.until("it has a history", ({ jobs }) => jobs[0]?.state === "completed");
  await at.killManager();
  await at.startManager();
  expect(warnings()).toHaveLength(2);
  expect((await at.state()).jobs, "it has a history again").toMatchObject([{ name: "runs" }]);
});
