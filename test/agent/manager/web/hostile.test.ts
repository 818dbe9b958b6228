import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openHistory } from "../../../../agent/manager/history/history.ts";
import { stateView } from "../../../../agent/manager/web/state.ts";
import { renderDocument } from "../../../../agent/manager/web/page/page.ts";
import { visible } from "../../../../agent/manager/web/visible.ts";
import type { WebServer } from "../../../../agent/manager/web/server.ts";
import { demand, machine, now, report, world } from "../worlds.ts";
import { news, player } from "../history/facts.ts";
import { fakeClock, quietDeps } from "./fake-deps.ts";
import { hostile } from "./hostile.ts";
import { ask } from "./requests.ts";
import { sampleState } from "./sample.ts";
import { served } from "./server-fixture.ts";

/** Every control, bidi mark, separator, invisible format character and broken half; emoji joiners are harmless. */
const unseen = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/u;

/** Every tag with its attributes, their values left out. */
const skeleton = (markup: string) =>
  (markup.replaceAll(/"[^"]*"/g, '""').match(/<\/?[a-z!][^>]*>/gi) ?? []).map((tag) =>
    tag.replaceAll(/\s+/g, " "),
  );
/** A browser's view of the text between tags. */
const texts = (markup: string) =>
  markup
    .replaceAll(/<[^>]*>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");

/** What GitHub and an agent said, through the history and the world, as the manager shows it. */
function stateOf(text: string) {
  const history = openHistory({ path: ":memory:" }, quietDeps(fakeClock(now)));
  const said = { name: text, repository: text, workflowRef: text };
  const usage = { cpuPercent: 1, memoryUsedMb: 1, memoryTotalMb: 2, diskFreeMb: 1, diskTotalMb: 2 };
  const figures = { memoryMb: 1, memoryUsedMb: null, utilizationPercent: null, temperatureC: null };
  const gpu = {
    ...{ vendor: "nvidia" as const, health: "failed" as const, ...figures },
    ...{ model: text, driver: text, problem: text },
  };
  const reading = { host: text, ms: null, proxy: text, problem: text };
  const busy = machine("m1", "busy", {
    job: { name: text, startedMs: now, startedAtGitHub: true, completedMs: null, jobId: text, runner: "m1" },
  });
  // As a job may have written it into its machine's record, for a manager that adopts it.
  const lost = machine("m2", "lost", { ending: text, pool: text, offer: text });
  const first = world({
    machines: [busy, lost],
    reports: { m1: report({ problem: text, usage: { ...usage, gpus: [gpu], connect: { api: reading } } }) },
    demand: { a: demand(2, 1) },
    views: { "demand:a": { is: "stale", atMs: now, why: text }, "backend:local": { is: "never", why: text } },
  });
  const play = player([history], first);
  play.seen(now, news("queued", `1${text}`, { ...said, queuedMs: now }));
  play.seen(now, news("completed", `2${text}`, { ...said, queuedMs: now, runner: text, result: text }));
  const believed = { ...play.world(), views: first.views };
  const meta = {
    startedMs: now,
    managerBundle: "b",
    healthy: false,
    problem: text,
    connect: { api: reading },
  };
  const refusals = { a: [{ reason: "unknown" as const, jobs: 1, detail: text }] };
  return stateView({ world: believed, refusals, capacity: {}, history, meta }, now);
}

const strings = (value: unknown): string[] =>
  typeof value === "string"
    ? [value]
    : typeof value === "object" && value !== null
      ? Object.values(value).flatMap(strings)
      : [];

describe("strings of GitHub and agents", () => {
  it("are visible text everywhere in the state", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const all = strings(stateOf(text));
        for (const each of all) expect(each).not.toMatch(unseen);
        if (text !== "")
          expect(all.filter((each) => each === visible(text)).length).toBeGreaterThanOrEqual(12);
        for (const each of all) expect(each.length).toBeLessThanOrEqual(11_000);
      }),
    );
  });

  it("make no markup in the page", () => {
    const harmless = skeleton(renderDocument(stateOf("x")));
    fc.assert(
      fc.property(hostile, (given) => {
        const text = `x${given}`;
        const page = renderDocument(stateOf(text));
        expect(skeleton(page)).toEqual(harmless);
        expect(texts(page)).toContain(visible(text));
      }),
    );
  });

  it("make no markup even where the state's own cleaning is not in the way", () => {
    const harmless = skeleton(renderDocument(sampleState({ text: "x" })));
    fc.assert(
      fc.property(hostile, (text) => {
        expect(skeleton(renderDocument(sampleState({ text: `x${text}` })))).toEqual(harmless);
      }),
    );
  });

  describe("on the wire", () => {
    let text = "";
    let web: WebServer;
    beforeEach(async () => {
      web = await served({ state: () => stateOf(text) }, { eventMsMin: 1 });
    });
    afterEach(() => web.close());

    it("forge no event and no field", { timeout: 60_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(hostile, async (given) => {
          text = given;
          web.changed();
          const json = await ask({ port: web.port, path: "/api/state" });
          expect(JSON.parse(json.text).problem).toBe(visible(given));
          for (const as of ["state", "page"]) {
            const stream = await fetch(`http://127.0.0.1:${web.port}/events?as=${as}`);
            const reader = stream.body!.pipeThrough(new TextDecoderStream()).getReader();
            let events = "";
            while (!/event: [^]*?\n\n/.test(events)) events += (await reader.read()).value ?? "";
            await reader.cancel();
            const first = events.slice(events.indexOf("event: ")).split("\n\n")[0]!.split("\n");
            expect(first.shift()).toBe(`event: ${as}`);
            expect(first.filter((line) => !line.startsWith("data: "))).toEqual([]);
            const data = first.map((line) => line.slice("data: ".length)).join("\n");
            if (as === "state") expect(JSON.parse(data).problem).toBe(visible(given));
            else expect(data).toMatch(/^<main[^]*<\/main>$/);
          }
        }),
        { numRuns: 40 },
      );
    });
  });
});

describe("visible", () => {
  it("leaves ordinary text of every script and emoji alone", () => {
    for (const text of ["test (ubuntu, 24)", "größe", "テスト", "👩‍👩‍👧 build", "می‌خواهم", "🚀"])
      expect(visible(text)).toBe(text);
  });

  it("shows what could hide or reorder", () => {
    expect(visible("a\u202eb\u0000\n\ud800")).toBe("a\\u{202e}b\\u{0}\\u{a}\\u{d800}");
  });

  it("cuts what is too long and says so", () => {
    expect(visible("x".repeat(400))).toBe(`${"x".repeat(299)}…`);
  });
});
