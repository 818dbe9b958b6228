import { Script } from "node:vm";
import { describe, expect, it } from "vitest";
import { steps, type JobView } from "../../../../agent/manager/view.ts";
import { duration, wholeSeconds } from "../../../../agent/manager/web/page/format.ts";
import { renderDocument, renderMain } from "../../../../agent/manager/web/page/page.ts";
import { script } from "../../../../agent/manager/web/page/script.ts";
import { ranMs, scaleMs, waitSegments } from "../../../../agent/manager/web/page/timeline.ts";
import { sampleState } from "./sample.ts";

const plain = (text: string) => text.replaceAll(/\s+/g, " "); // \s has the no-break space

describe("a job's bar", () => {
  const job = (times: readonly (number | null)[], state: JobView["state"] = "completed"): JobView => ({
    ...sampleState().jobs[0]!,
    state,
    timeline: steps.map((step, index) => ({ step, atMs: times[index] ?? null })),
  });
  const drawn = (view: JobView, now = 0) =>
    waitSegments(view, now).map(({ step, fromMs, toMs }) => [step, fromMs, toMs]);

  it("has one piece for each step until it ran, to scale", () => {
    expect(drawn(job([100, 110, 120, 150, 200, 210, 300, 900]))).toEqual([
      ["queued", 0, 10],
      ["assigned", 10, 20],
      ["launch asked", 20, 50],
      ["started", 50, 100],
      ["enrolled", 100, 110],
      ["registered", 110, 200],
    ]);
    expect(ranMs(job([100, 110, 120, 150, 200, 210, 300, 900]), 0)).toBe(600);
  });

  it("grows until now while it waits, and then while it runs", () => {
    expect(drawn(job([100, 110], "assigned"), 400)).toEqual([
      ["queued", 0, 10],
      ["assigned", 10, 300],
    ]);
    expect(ranMs(job([100, 110], "assigned"), 400)).toBeNull();
    expect(ranMs(job([100, 110, null, null, null, null, 200], "running"), 450)).toBe(250);
  });

  it("never runs backwards: machines that were there before and clocks that differ take no room", () => {
    expect(drawn(job([1000, 990, 100, 120, 150, 1040, 1100, 2000]))).toEqual([
      ["enrolled", 0, 40],
      ["registered", 40, 100],
    ]);
    expect(drawn(job([1000, 1010, 1020, null, null, 1900, 1500, 2000]))).toEqual([
      ["queued", 0, 10],
      ["assigned", 10, 20],
      ["launch asked", 20, 500],
    ]);
  });

  it("ends with the job when it never ran, and is empty when nothing is known", () => {
    expect(drawn(job([100, null, null, null, null, null, null, 400]))).toEqual([["queued", 0, 300]]);
    expect(drawn(job([]))).toEqual([]);
    expect(ranMs(job([]), 5)).toBeNull();
  });

  it("is drawn to the longest, unless a single one would flatten all others", () => {
    expect(scaleMs([1, 2, 3, 4])).toBe(4);
    expect(scaleMs([1_000, 1_100, 1_200, 1_300, 1_400, 900_000])).toBe(5_600);
    expect(scaleMs([0, 0, 0, 0, 7])).toBe(7);
    expect(scaleMs([])).toBe(1);
  });
});

describe("the page", () => {
  it("says in words all that it says in colours", () => {
    const text = plain(renderDocument(sampleState()).replaceAll(/<[^>]*>/g, " "));
    for (const sentence of [
      "5 jobs running, 9 wait, the oldest for 1 min 35 s; 10 machines.",
      "3 busy 2 ready 2 booting 1 leaving 5 free at most 12, 1 kept ready",
      "max holds up 6 jobs: The pool gpu is at its max of 2 machines",
      "GitHub last heard 3 min 10 s ago: 502 Bad Gateway",
      "median 1.2 s, 95&nbsp;% within 9.8 s, longest 41 s",
      "waits 11 s machine arm64-c3b7 is booting (2 s)",
      "never ran, waited 1 min 40 s",
      "disk: 4 GB free of 100 GB",
      "GPU of nvidia",
      "Its label gpu promises what it has not.",
      "NVIDIA T4G · 71 % · 3.7 GB of 15.0 GB",
      "NVIDIA T4G failed: nvidia-smi says: [GPU requires reset]",
      "GitHub: broker.github.example 151 ms, more than",
      "GitHub is far away. broker.github.example 112 ms, more than",
    ]) {
      expect(text).toContain(sentence);
    }
  });

  it("gives every bar its figures as text for those who cannot see it", () => {
    const bars = renderMain(sampleState()).match(/<svg[^>]*>/g)!;
    expect(bars.length).toBeGreaterThan(10);
    for (const bar of bars) expect(bar).toMatch(/role="img"[^>]*aria-label="[^"]+"/);
  });

  it("tells loudly when the manager is not healthy or drains", () => {
    const page = plain(
      renderDocument({ ...sampleState(), healthy: false, problem: "the loop stands still", draining: true }),
    );
    expect(page).toMatch(/role="alert"[^>]*> ?<b>Not healthy.<\/b> the loop stands still/);
    expect(page).toContain("<b>Draining.</b>");
    expect(page).toContain("<title>! ");
  });

  it("is quiet about the way to GitHub while all is well, and loud when there is none", () => {
    const state = sampleState();
    const [api, broker] = state.connect.map((each) => ({ ...each, ms: 18.4, warning: null }));
    const textOf = (connect: (typeof state)["connect"]) =>
      plain(renderDocument({ ...state, machines: [], connect }).replaceAll(/<[^>]*>/g, ""));
    expect(textOf([api!, broker!])).toContain("GitHub api 18&nbsp;ms broker 18&nbsp;ms · times are UTC");
    expect(textOf([api!, broker!])).not.toMatch(/far away|No connection/);
    expect(textOf([{ ...api!, proxy: "proxy:3128" }])).toContain("api 18&nbsp;ms to the proxy");
    expect(textOf([])).not.toContain("GitHub api");
    const lost = { ...api!, ms: null, problem: "x", warning: "api.github.com: no connection: x" };
    expect(textOf([lost])).toContain("No connection to GitHub. api.github.com: no connection: x");
  });

  it("explains itself when there is nothing yet", () => {
    const page = plain(renderDocument({ ...sampleState(), jobs: [], machines: [] }));
    expect(page).toContain("No job yet.");
    expect(page).toContain("No machine.");
  });

  it("shows the boots that failed with all that is known of them, as text", () => {
    const state = sampleState();
    const boot = { machine: "i-1", pool: "arm64", phase: "console" as const, atMs: state.atMs - 1_000 };
    const page = plain(
      renderDocument({ ...state, failedBoots: [{ ...boot, lines: ["<b>first</b>", "Kernel panic"] }] }),
    );
    expect(page).toContain("Boots that failed");
    expect(page).toContain("its console ends with: Kernel panic");
    expect(page).toContain("&lt;b&gt;first&lt;/b&gt;");
    expect(renderDocument(state)).not.toContain("Boots that failed");
  });

  it("stays small with 2,000 machines and 500 jobs", () => {
    const state = sampleState();
    const machines = Array.from({ length: 2_000 }, (_, index) => ({
      ...state.machines[0]!,
      id: `m${index}`,
    }));
    const jobs = Array.from({ length: 500 }, (_, index) => ({ ...state.jobs[3]!, id: `j${index}` }));
    const pools = [{ ...state.pools[0]!, max: 5_000 }];
    const page = renderDocument({ ...state, machines, jobs, pools });
    expect(page.length).toBeLessThan(1_000_000);
    expect(plain(page)).toContain("and 400 more jobs");
    expect(plain(page)).toContain("and 1800 more machines");
    expect(plain(page)).toContain("and 3000 free places");
  });

  it("needs nothing but its own server", () => {
    const page = renderDocument(sampleState());
    const links = [...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, link]) => link!);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) expect(link).toMatch(/^\/[a-z]/);
    expect(page).not.toMatch(/<script(?![^>]*src=)|<style|\son\w+=|style=/);
  });
});

describe("the script", () => {
  it("is sound JavaScript that makes no markup of data and writes ages as the server does", () => {
    expect(() => new Script(script)).not.toThrow();
    expect(script).not.toMatch(/innerHTML|insertAdjacentHTML|document\.write|eval\(/);
    const own = /function wholeSeconds[^]*?\n\}/.exec(script)![0];
    const same = new Script(`${own}; wholeSeconds`).runInNewContext() as (ms: number) => string;
    for (const ms of [-5, 0, 400, 999, 9_949, 59_499, 59_500, 3_599_499, 3_600_000, 86_399_000, 1e9]) {
      expect(same(ms)).toBe(wholeSeconds(ms));
    }
  });
});

it("writes durations with the precision that matters", () => {
  const all = [0, 350, 9_940, 9_960, 59_400, 60_000, 185_000, 7_800_000, 273_600_000]
    .map(duration)
    .map(plain);
  expect(all).toEqual([
    "0.0 s",
    "0.3 s",
    "9.9 s",
    "10 s",
    "59 s",
    "1 min 0 s",
    "3 min 5 s",
    "2 h 10 min",
    "3 d 4 h",
  ]);
});

it("a pool that must not be used says why once, and the page when the login ends", () => {
  const state = sampleState();
  const [first, ...rest] = state.pools;
  const refusals = [
    { reason: "public-repository" as const, detail: "acme/site is public." },
    { reason: "label-clash" as const, detail: "The set x has these labels." },
  ];
  const reasons = [{ ...refusals[0]!, jobs: 2 }];
  const pools = [{ ...first!, reasons, refused: refusals, warnings: ["The set y came later."] }, ...rest];
  const credential = { kind: "token" as const, expiresMs: 1, warning: "githubToken expires soon" };
  const text = plain(renderMain({ ...state, pools, credential }));
  expect(text.split("acme/site is public.")).toHaveLength(2);
  for (const said of ["The set x has", "The set y came later.", "githubToken expires soon."])
    expect(text).toContain(said);
});
