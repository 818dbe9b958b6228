import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ActionlintMissing, actionlintVersion, findActionlint } from "../../../tools/actionlint/find.ts";
import type { Run } from "../../../tools/engine/run.ts";
import { lacksActionlint } from "../../../tools/test/actionlint.ts";

let cache: string;
let ran: string[];
const answer = (code: number, stdout: string, stderr = "") => ({ code, stdout, stderr, timedOut: false });

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "muster-actionlint-"));
  ran = [];
});
afterEach(() => rm(cache, { recursive: true, force: true }));

/** @param known program's base folder -> the version that it says */
const programs = (known: Record<string, string>, builds: string | null = null): Run => {
  const versions = new Map(Object.entries(known));
  return async (command, args) => {
    if (command === "go") {
      ran.push(`go ${args[0]}`);
      if (builds !== null) return answer(1, "", builds);
      const folder = args[args.indexOf("-o") + 1]!;
      await writeFile(join(folder, "actionlint"), "");
      versions.set("cache", actionlintVersion());
      return answer(0, "");
    }
    const said = versions.get(command === "actionlint" ? "path" : "cache");
    return said === undefined ? answer(127, "", "not found") : answer(0, `${said}\ninstalled somehow\n`);
  };
};
const find = (run: Run) => findActionlint({ env: { XDG_CACHE_HOME: cache }, run });
const cached = () => join(cache, "muster/actionlint", `v${actionlintVersion()}`, "actionlint");

test("one on PATH is taken when it is new enough", async () => {
  expect(await find(programs({ path: "v1.99.0" }))).toBe("actionlint");
  expect(ran).toEqual([]);
});

test("an older one is not: it is built into this project's cache, once", async () => {
  const run = programs({ path: "1.6.27" });
  expect(await find(run)).toBe(cached());
  expect(await find(run)).toBe(cached());
  expect(ran).toEqual(["go build"]);
});

test("the one in the cache is taken", async () => {
  await mkdir(dirname(cached()), { recursive: true });
  expect(await find(programs({ cache: `v${actionlintVersion()}` }))).toBe(cached());
  expect(ran).toEqual([]);
});

test("without Go the tier is named as missing, with the command that supplies it", async () => {
  const run = programs({}, "go: command not found");
  await expect(find(run)).rejects.toThrow(ActionlintMissing);
  const missing = await lacksActionlint(
    () => {},
    () => find(run),
  );
  expect(missing?.why).toMatch(/^actionlint 1\.\d+\.\d+ is neither on PATH .*go: command not found\.$/);
  expect(missing?.cure).toBe("sudo apt-get install -y golang-go");
});
