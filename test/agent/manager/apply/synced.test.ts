import { describe, expect, test } from "vitest";
import { after, said, synced } from "../facts.ts";
import { config, machine, registered, world } from "../worlds.ts";

describe("an agent's word", () => {
  test("a registered machine listens, works, and is done after its job", () => {
    let at = world({ machines: [registered("m1", "registered")] });
    at = after(at, synced("m1", said("listening")));
    expect(at.machines.m1?.stage).toBe("listening");
    at = after(at, synced("m1", { ...said("busy"), job: "build" }));
    expect(at.machines.m1).toMatchObject({ stage: "busy", job: { name: "build", startedAtGitHub: false } });
    at = after(at, synced("m1", said("ready", { ranJob: true })));
    expect(at.machines.m1).toMatchObject({ stage: "done", ending: "its job ended", order: { do: "end" } });
  });

  test("on a pool with reuse the machine waits for its next registration instead", () => {
    const start = world({ config: config({ a: { reuse: true } }), machines: [registered("m1", "busy")] });
    expect(after(start, synced("m1", said("ready", { ranJob: true }))).machines.m1).toMatchObject({
      stage: "enrolled",
      order: null,
    });
  });

  test("a reused machine's next job has a time of its own, also when GitHub never told the end of the last one", () => {
    const first = registered("m1", "busy");
    const runner = `${first.id}-2`;
    const second = { ...first.registration!, name: runner, life: 2 };
    const old = {
      name: "first",
      startedMs: 1,
      startedAtGitHub: true,
      completedMs: null,
      jobId: "1",
      runner: "m1",
    };
    const start = world({
      config: config({ a: { reuse: true } }),
      machines: [{ ...first, stage: "listening", life: 2, registration: second, job: old }],
    });
    const at = after(start, synced("m1", { ...said("busy"), life: 2, job: "second" }));
    expect(at.machines.m1?.job).toMatchObject({ name: "second", runner, completedMs: null });
    expect(at.machines.m1?.job?.startedMs).toBeGreaterThan(1);
  });

  test("a reused machine whose record was deleted while its job came waits for a new registration, not for ever", () => {
    const busy = registered("m1", "busy");
    const deleted = { ...busy, registration: { ...busy.registration!, gone: true } };
    const start = world({ config: config({ a: { reuse: true } }), machines: [deleted] });
    const next = after(start, synced("m1", said("ready", { ranJob: true }))).machines.m1;
    expect(next).toMatchObject({ stage: "enrolled", registration: null });
  });

  test("a Listener that ends without a job finishes its machine; two of them close the recipe", () => {
    const start = world({ machines: [registered("m1", "listening"), registered("m2", "listening")] });
    const once = after(start, synced("m1", said("ready", { ranJob: false })));
    expect([once.machines.m1?.stage, once.circuits["recipe:a/local"]]).toEqual(["done", undefined]);
    const twice = after(once, synced("m2", said("ready", { ranJob: false })));
    expect(twice.circuits["recipe:a/local"]).toMatchObject({ is: "open", reason: "registration-removed" });
  });

  test("an agent cannot bring a finished machine back", () => {
    const start = world({ machines: [registered("m1", "done")] });
    expect(after(start, synced("m1", { ...said("busy"), job: "x" })).machines.m1?.stage).toBe("done");
  });

  test("a sync without news leaves the machines as they are, identity included", () => {
    const start = world({ machines: [machine("m1", "enrolled", { introduced: true })] });
    expect(after(start, synced("m1", { life: 0 })).machines).toBe(start.machines);
  });
});
