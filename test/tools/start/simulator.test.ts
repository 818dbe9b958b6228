import { mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isAlive, type ProcessId } from "../../../agent/supervisor/process.ts";
import { dispatch, standing } from "../../../tools/start/github.ts";
import { endSimulator, startSimulator } from "../../../tools/start/simulator.ts";

const checkout = join(import.meta.dirname, "../../..");
let root = "";
let seen: ProcessId | null = null;
const note = (id: ProcessId) => Promise.resolve(void (seen = id));

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "muster-simulator-"));
  seen = null;
});
afterEach(async () => {
  if (seen !== null) await endSimulator(seen);
  await rm(root, { recursive: true });
});

/** The parts of a checkout that the simulator needs, without its `.muster`. */
const linkCheckout = async () => {
  for (const name of ["agent", "test", "node_modules", "package.json", ".github"])
    await symlink(join(checkout, name), join(root, name));
};

describe("the simulator of npm start", () => {
  it("is told of before it listens, runs this repository's workflow, and ends when asked", async () => {
    await linkCheckout();
    const simulator = await startSimulator(root, note);
    expect(seen).toEqual(simulator.process);
    expect(simulator.repositoryUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\w+\/\w+$/);
    expect(await standing(simulator.url)).toEqual({ runners: [], scaleSets: [] });
    const run = await dispatch(simulator.url, root);
    expect(await run.state()).toMatchObject({ over: false });
    await endSimulator(simulator.process);
    expect(isAlive(simulator.process)).toBe(false);
    // The address file held a token.
    expect(await readdir(join(root, ".muster/simulator"))).toEqual(["simulator.log"]);
  });

  it("says what is wrong when it does not start", async () => {
    const failing = startSimulator(root, note);
    await expect(failing).rejects.toMatchObject({
      message: expect.stringMatching(/did not start: it ended with exit code 1/) as string,
      log: expect.arrayContaining([expect.stringContaining("Cannot find module")]) as string[],
    });
  });
});
