import { access, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Ran } from "../../../tools/engine/run.ts";
import { findMoto, MotoMissing } from "../../../tools/moto/find.ts";

let cache = "";
beforeEach(async () => void (cache = await mkdtemp(join(tmpdir(), "muster-moto-"))));
afterEach(() => rm(cache, { recursive: true }));

const ran = (code: number, stderr = ""): Ran => ({ code, stdout: "", stderr, timedOut: false });

/** A computer on which each of the two steps ends as given. */
const computer = (ends: { venv?: Ran; pip?: Ran } = {}, requirements = "moto==9.9.9\nsix==1\n") => {
  const calls: string[] = [];
  const flags: string[] = [];
  return {
    calls,
    /** Those of pip. */
    flags,
    options: {
      log: () => {},
      env: { XDG_CACHE_HOME: cache },
      requirements: () => Promise.resolve(requirements),
      run: async (command: string, args: readonly string[]) => {
        calls.push(args[1]!);
        if (args[1] === "pip") flags.push(...args.filter((arg) => arg.startsWith("--")));
        if (args[1] === "venv") await mkdir(args[2]!, { recursive: true });
        return (args[1] === "venv" ? ends.venv : ends.pip) ?? ran(command === "" ? 1 : 0);
      },
    },
  };
};
const made = () => readdir(join(cache, "muster"));

describe("moto's virtual environment", () => {
  it("is made once, in the cache, under moto's version", async () => {
    const { options, calls } = computer();
    const [first] = await Promise.all([findMoto(options), findMoto(options)]);
    expect(first.version).toBe("9.9.9");
    expect(first.python).toMatch(new RegExp(`^${cache}/muster/moto-9\\.9\\.9-[0-9a-f]{8}/bin/python$`));
    expect(calls).toEqual(["venv", "pip"]);
  });

  it("takes only files whose SHA-256 the list names, one at least for each package", async () => {
    const { options, flags } = computer();
    await findMoto(options);
    expect(flags).toContain("--require-hashes");
    const list = await readFile(join(import.meta.dirname, "../../../tools/moto/requirements.txt"), "utf8");
    const entries = list.replaceAll("\\\n", "").split("\n");
    const packages = entries.filter((line) => line !== "" && !line.startsWith("#"));
    expect(packages.length).toBeGreaterThan(20);
    for (const line of packages) expect(line).toMatch(/^[\w.-]+==\S+( +--hash=sha256:[0-9a-f]{64})+ *$/);
  });

  it("is made anew beside the old one, when a pinned version changes", async () => {
    const before = (await findMoto(computer().options)).python;
    await findMoto(computer({}, "moto==9.9.9\nsix==2\n").options);
    await access(join(before, "../.."));
    expect(await made()).toHaveLength(2);
  });

  it("names what is missing and its cure, and leaves nothing half made", async () => {
    const noPython = findMoto(computer({ venv: ran(127) }).options);
    await expect(noPython).rejects.toThrow("python3 is not on PATH.");
    const noPip = await findMoto(computer({ pip: ran(1, "No matching distribution") }).options).catch(
      (error: unknown) => error as MotoMissing,
    );
    expect(noPip).toBeInstanceOf(MotoMissing);
    expect(noPip).toMatchObject({ message: "pip does not install moto: No matching distribution" });
    expect(await made()).toEqual([]);
  });
});
