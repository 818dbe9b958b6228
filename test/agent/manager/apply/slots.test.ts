// Goal: a machine that always exists is believed as its backend lists it, start by start, and comes back from each job.
import { describe, expect, test } from "vitest";
import { apply } from "../../../../agent/manager/apply.ts";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import type { Fact, ListedMachine } from "../../../../agent/manager/facts.ts";
import type { Machine, World } from "../../../../agent/manager/world.ts";
import { recipes } from "../../../../agent/manager/settings.ts";
import { after, entry, listed, said, synced } from "../facts.ts";
import { config, machine, now, registered, world } from "../worlds.ts";

const slot = (over: Partial<ListedMachine> = {}) => entry("s1", { slot: true, launch: "", ...over });
const stopped = slot({
  running: false,
  end: { why: "it powered itself off", interrupted: false, gone: true },
});
const own = (state: World): Machine | undefined => state.machines["s1"];
const later = (state: World, fact: Fact, ms: number) => apply(state, fact, now + ms, limits);
const alive = (over: Partial<Machine> = {}) =>
  registered("s1", "busy", { slot: true, startedMs: now - 600_000, askedMs: now - 600_000, ...over });

describe("a list", () => {
  test("brings one that runs and nobody here knows: it may enrol, for this start began under this journal", () => {
    const state = after(world(), listed([slot()]));
    expect(own(state)).toMatchObject({
      stage: "starting",
      slot: true,
      spent: false,
      recipe: "r1",
      registration: null,
    });
    expect(own(state)!.life).toBe(Math.floor((now - 1_000) / 1_000));
  });

  test("brings none that stands still", () => {
    expect(after(world(), listed([stopped])).machines).toEqual({});
  });

  test("in which it stands still is believed when it is the second, not while its start is on the way", () => {
    const running = world({ machines: [alive()] });
    const once = later(running, listed([stopped], now), 0);
    expect(own(once)).toMatchObject({ stage: "busy" });
    const twice = later(once, listed([stopped], now + 15_000), 15_000);
    expect(own(twice)).toMatchObject({ stage: "lost", ending: "it powered itself off", gone: true });

    const asked = machine("s1", "asked", { slot: true, askedMs: now, startedMs: null, launch: "l1" });
    const launch = {
      ...{
        id: "l1",
        backend: "local",
        worstMicros: 0,
        askedMs: now,
        sentMs: now,
        sends: 1,
        is: "in-flight" as const,
      },
      request: { pool: "a", offer: "fixed", machines: ["s1"] },
    };
    const starting = world({ machines: [asked], launches: { l1: launch } });
    const still = [0, 15_000, 30_000].reduce(
      (at, ms) => later(at, listed([stopped], now + ms), ms),
      starting,
    );
    expect(own(still)).toMatchObject({ stage: "asked" });
  });

  test("with another start of it ends what was known of the one before, and the next list brings the new one", () => {
    const anew = slot({ startedMs: now });
    const gone = after(world({ machines: [alive({ registration: null })] }), listed([anew]));
    expect(own(gone)).toBeUndefined();
    expect(own(later(gone, listed([anew], now + 15_000), 15_000))).toMatchObject({
      stage: "starting",
      spent: false,
    });
    // A clock that differs is no other start.
    const same = after(
      world({ machines: [alive()] }),
      listed([slot({ startedMs: now - 600_000 + limits.clockSkewMs })]),
    );
    expect(own(same)).toMatchObject({ stage: "busy" });
  });
});

describe("a life that is over", () => {
  const ended = (ranJob: boolean) => synced("s1", said("ready", { ranJob }));
  test("with a job leaves it enrolled, for the next one", () => {
    expect(own(after(world({ machines: [alive()] }), ended(true)))).toMatchObject({
      stage: "enrolled",
      life: 1,
    });
  });

  test("without one, because it was idle, too: it only gave its registration back", () => {
    const idle = alive({ stage: "retiring" });
    const state = after(
      world({ machines: [{ ...idle, registration: { ...idle.registration!, gone: true } }] }),
      ended(false),
    );
    expect(own(state)).toMatchObject({ stage: "enrolled", registration: null });
  });

  test("in a drain, or of a spent one, is its end", () => {
    const drained = after(world({ machines: [alive()], draining: true }), ended(true));
    const spent = after(world({ machines: [alive({ spent: true })] }), ended(true));
    expect([own(drained)?.stage, own(spent)?.stage]).toEqual(["done", "done"]);
  });
});

test("settings that change find it as it is: it is of the new recipe, others are not", () => {
  const fresh = config({ a: { labels: ["other"] } });
  const changed = after(world({ machines: [alive(), machine("m1", "enrolled")] }), {
    ...{ is: "settings-changed", config: fresh, hash: "h", offers: {}, recipes: recipes(fresh) },
  });
  expect(own(changed)!.recipe).toBe(recipes(fresh).a);
  expect(changed.machines["m1"]!.recipe).toBe("r1");
});

test("boots of it that fail close its own offer, not the recipe by which others are made", () => {
  const failing = (id: string) => machine(id, "starting", { slot: true, offer: "fixed" });
  const state = after(
    world({ machines: [failing("s1"), failing("s2")] }),
    ...["s1", "s2"].map((id): Fact => ({
      is: "end-asked",
      machine: id,
      why: "it did not enrol within 300 s",
      failedBoot: true,
    })),
  );
  expect(Object.keys(state.circuits)).toEqual(["offer:fixed"]);
});
