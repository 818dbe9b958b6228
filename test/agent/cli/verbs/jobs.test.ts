import { describe, expect, it } from "vitest";
import { findJob, heldBack, jobLine, jobLines } from "../../../../agent/cli/verbs/jobs.ts";
import { terminalOf } from "../../../../agent/cli/terminal.ts";
import { sampleState } from "../../manager/web/sample.ts";
import { muster, standIn } from "./rig.ts";

const terminal = { ...terminalOf({ write: () => {} }, {}), columns: 140 };
const sample = sampleState();
const state = { ...sample, pools: sample.pools.map((pool) => ({ ...pool, available: 0 })) };

describe("muster jobs", () => {
  it("lists them newest first with pool, state, wait, run time, and machine or reason", () => {
    const lines = jobLines(state, terminal);
    expect(lines[0]).toMatch(/^id +job +pool +state +waited +ran +machine or reason$/);
    expect(lines.slice(1).map((line) => line.split(" ")[0])).toEqual(state.jobs.map(({ id }) => id));
    expect(lines[1]).toContain("machine arm64-c3b7 is booting (2 s)");
    expect(lines.find((line) => line.startsWith("j3"))).toMatch(/succeeded +7.1 s +1 min 12 s +arm64-1f3a$/);
  });

  it("says how many it leaves out", () => {
    const lines = jobLines(state, terminal, 3);
    expect(lines).toHaveLength(5);
    expect(lines.at(-1)).toBe("and 7 more: --all");
  });

  it("says which labels start one when there is none", () => {
    expect(jobLines({ ...state, jobs: [] }, terminal)).toEqual([
      "No job yet. One that says runs-on: [self-hosted, linux, ARM64] appears here.",
    ]);
  });

  it("tells of jobs that GitHub holds back and does not name, with why, also where there is no other", () => {
    const said = /^gpu: GitHub holds back 4 jobs, which it does not name yet: /;
    expect(jobLines(sample, terminal).find((line) => said.test(line))).toBeDefined();
    expect(jobLines({ ...sample, jobs: [] }, terminal)[0]).toMatch(said);
    expect(() => findJob(sample.jobs, "deploy", heldBack(sample))).toThrow(
      /--all\n {2}gpu: GitHub holds back 4 jobs/,
    );
  });

  it("shows ids so far that they differ", () => {
    const jobs = state.jobs.slice(0, 2).map((job, index) => ({ ...job, id: `aaaaaaaaaa${index}bbbbbbbb` }));
    expect(
      jobLines({ ...state, jobs }, terminal)
        .slice(1)
        .map((line) => line.split(" ")[0]),
    ).toEqual(["aaaaaaaaaa0b", "aaaaaaaaaa1b"]);
  });
});

describe("the job that a word means", () => {
  it.each([
    ["j3", "j3"],
    ["J3", "j3"],
    ["release", "j9"],
    ["DOCS", "j8"],
    ["ubuntu, 24", "j6"],
  ])("%s is %s", (given, id) => expect(findJob(state.jobs, given).id).toBe(id));

  it("prefers the whole name to a part of another", () => {
    const jobs = [
      { ...state.jobs[0]!, name: "build all" },
      { ...state.jobs[1]!, name: "build" },
    ];
    expect(findJob(jobs, "build").id).toBe("j8");
  });

  it("lists them when there are several", () => {
    expect(() => findJob(state.jobs, "test")).toThrow(/means 2 jobs[^]*j6 +test \(ubuntu, 24\)[^]*j2 +test/);
  });

  it("says so when there is none", () => {
    expect(() => findJob(state.jobs, "deploy")).toThrow('no job has the id or name "deploy"');
  });
});

describe("one job's way", () => {
  it("has every step's time, what the time went to, and where long parts are explained", () => {
    const job = findJob(state.jobs, "j3");
    const slow = job.timeline.map((entry) =>
      entry.step === "running" || entry.step === "done" ? { ...entry, atMs: entry.atMs! + 20_000 } : entry,
    );
    const lines = jobLine({ ...job, timeline: slow }, state, terminal);
    expect(lines).toContain("times    from 2027-01-15 (UTC), waited 7.1 s, ran 1 min 12 s");
    expect(lines.find((line) => line.startsWith("enrolled"))).toMatch(/07:57:45.600 +3.7 s +booting/);
    expect(lines.at(-1)).toBe("21 s the runner starts, gets the job: docs/reasons.md#registration-removed");
  });

  it("says that a machine was there before the job", () => {
    const lines = jobLine(findJob(state.jobs, "types"), state, terminal);
    expect(lines.find((line) => line.startsWith("started"))).toContain("was there before the job");
    expect(lines.join("\n")).not.toMatch(/ -\d/);
  });

  it("names the reason of a job that waits with its paragraph", () => {
    const lines = jobLine(findJob(state.jobs, "train"), state, terminal);
    expect(lines.join("\n")).toContain("is at its max of 2 machines");
    expect(lines.join("\n")).toContain("docs/reasons.md#max");
    expect(lines.find((line) => line.startsWith("running"))).toContain("not yet");
  });

  it("comes as the manager's own record for programs", async () => {
    const { directory } = await standIn();
    const { code, stdout } = await muster(["jobs", "j3", "--json", "--directory", directory]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(state.jobs.find(({ id }) => id === "j3"));
  });
});
