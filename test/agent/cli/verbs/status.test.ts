import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import type { ManagerState } from "../../../../agent/manager/view.ts";
import { width } from "../../../../agent/cli/table.ts";
import { sampleState } from "../../manager/web/sample.ts";
import { muster, standIn } from "./rig.ts";

/** The sample without its trouble. */
const well = (over: Partial<ManagerState> = {}): ManagerState => {
  const state = sampleState();
  const pools = state.pools.map((pool) => ({
    ...pool,
    github: { is: "fresh" as const, atMs: 1, why: null },
  }));
  return { ...state, connect: [], pools, ...over };
};

describe("muster status", () => {
  it("says how manager, pools and machines are and ends with 0 when all is well", async () => {
    const { directory } = await standIn({ state: well() });
    const { code, stdout, stderr } = await muster(["status", "--directory", directory], { columns: 100 });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(`stack    muster/dev in ${directory}`);
    expect(stdout).toMatch(/^manager {2}well, runs for 2 h 01 min, version c44f1b27$/m);
    expect(stdout).toMatch(/^arm64 +12 +3 +3 +0 +heard +3 busy, 1 listening/m);
    expect(stdout).toContain("arm64: runs-on: [self-hosted, linux, ARM64]");
    expect(stdout).toMatch(/^arm64-b810 +arm64 +busy .*disk: 4 GB free/m);
  });

  it("explains why jobs wait and where the reason is described", async () => {
    const { directory } = await standIn({ state: well() });
    const { stdout } = await muster(["status", "--directory", directory]);
    expect(stdout).toContain("gpu: 6 jobs wait (max): The pool gpu is at its max of 2 machines");
    expect(stdout).toContain("docs/reasons.md#max");
  });

  it("ends with 1 and the sentence when GitHub is not heard or the manager is not well", async () => {
    const deaf = await standIn();
    const one = await muster(["status", "--directory", deaf.directory]);
    expect(one.code).toBe(1);
    expect(one.stdout).toContain("problem  pool gpu: GitHub was last heard 3 min 10 s ago: 502 Bad Gateway");
    const sick = await standIn({ state: well({ healthy: false, problem: "the journal cannot be written" }) });
    const two = await muster(["status", "--directory", sick.directory]);
    expect(two.code).toBe(1);
    expect(two.stdout).toContain("problem  the journal cannot be written");
  });

  it("names the way back when the manager drains", async () => {
    const { directory } = await standIn({ state: well({ draining: true }) });
    const { stdout } = await muster(["status", "--directory", directory]);
    expect(stdout).toContain("npm run muster -- drain --undo -s dev");
  });

  it("says which boots failed, and where they stood", async () => {
    const state = well();
    const boot = { machine: "i-0123456789abcdef0", pool: "arm64", phase: "downloads" as const };
    const failedBoots = [
      { ...boot, atMs: state.atMs - 61_000, lines: ["curl: (6)", "runner.tar.gz has another hash"] },
      {
        ...boot,
        phase: "console" as const,
        atMs: state.atMs - 63_000,
        lines: ["Kernel panic - not syncing"],
      },
    ];
    const { directory } = await standIn({ state: { ...state, failedBoots } });
    const { stdout } = await muster(["status", "--directory", directory], { columns: 200 });
    expect(stdout).toMatch(
      /^boot {5}i-0123456789abcdef0 of arm64 failed 1 min 01 s ago in the phase downloads: runner.tar.gz has another hash$/m,
    );
    expect(stdout).toMatch(
      /^boot {5}i-0123456789abcdef0 of arm64 was given up 1 min 03 s ago, its console ends with: Kernel panic - not syncing$/m,
    );
  });

  it("gives programs the whole state with its troubles", async () => {
    const { directory } = await standIn();
    const { code, stdout } = await muster(["status", "--directory", directory, "--json"]);
    const said = JSON.parse(stdout) as { ok: boolean; troubles: string[]; state: ManagerState };
    expect({ code, ok: said.ok, pools: said.state.pools.length }).toEqual({ code: 1, ok: false, pools: 2 });
    expect(said.troubles).toHaveLength(1);
  });

  it("says what to run when nobody answers, and ends with 1", async () => {
    const { directory, paths, stop } = await standIn();
    await stop();
    await writeFile(paths.managerLog, "Error: EADDRINUSE\n");
    const supervised = await muster(["status", "--directory", directory]);
    expect(supervised.code).toBe(1);
    expect(supervised.stdout).toMatch(/not answering.*supervisor \(pid \d+\) runs/s);
    expect(supervised.stdout).toContain("EADDRINUSE");
    await writeFile(paths.record, "{}");
    const alone = await muster(["status", "--directory", directory]);
    expect(alone.stdout).toContain("the manager does not run, and nothing would start it");
    expect(alone.stdout).toContain("cure     start it: npm run pulumi -- up -s dev");
  });

  it("says the same of a folder that never had a manager", async () => {
    const { stdout, code } = await muster(["status", "--directory", "/nowhere/at/all"]);
    expect(code).toBe(1);
    expect(stdout).toContain("no manager was ever started in /nowhere/at/all");
  });

  it("sends no raw escape to the terminal, whatever GitHub and agents are called", async () => {
    const state = sampleState({ text: "a\u001b[2J\u009b31m\u0007b\rc\nd\u202ee\u2066f" });
    const { directory } = await standIn({ state });
    for (const verb of ["status", "jobs"]) {
      const { stdout } = await muster([verb, "--directory", directory], { columns: 120 });
      expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    }
  });

  it.each([80, 200])("fits a terminal of %d columns", async (columns) => {
    const { directory } = await standIn({ state: well() });
    for (const args of [["status"], ["jobs"], ["jobs", "j3"], ["jobs", "j9"]]) {
      const { stdout } = await muster([...args, "--directory", directory], { columns });
      const long = stdout.split("\n").filter((line) => width(line) > columns && !line.includes(directory));
      expect(long).toEqual([]);
    }
  });
});
