// Goal: a disk that somebody filled stops launches, says so, and harms no job that runs; with room of its own the manager
// even starts again on it. Method: the real manager's folder on a small file system that a second hand keeps full.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { mayMount, type SmallDisk, smallDisk } from "../agent/manager/small-disk.ts";
import { type Chain, startChain } from "./chain.ts";
import { makeSignal, type Signal } from "./signal.ts";

const linux = ["self-hosted", "linux", "small"];
const pools = { small: { labels: linux, max: 2 } };

describe.skipIf(!mayMount)("a full disk (a file system of its own: needs root)", () => {
  let disk: SmallDisk | null = null;
  let chain: Chain | null = null;
  let signal: Signal | null = null;
  let keeps = false;
  let keeping: Promise<void> | null = null;
  afterEach(async () => {
    signal?.close();
    await room();
    await chain?.stop();
    disk?.remove();
    disk = chain = signal = null;
  });

  /** What anybody frees is taken at once, by other files than the manager's. */
  const keepFull = () => {
    keeps = true;
    keeping = (async () => {
      while (keeps) {
        try {
          disk!.fill();
        } catch {
          // Somebody was faster.
        }
        await pause(5);
      }
    })();
  };
  const room = async () => {
    keeps = false;
    await keeping;
    disk?.makeRoom();
  };
  async function running(megabytes: number) {
    disk = smallDisk(megabytes);
    chain = await startChain({ pools, directory: disk.directory });
    signal = await makeSignal();
    await chain.github.control.dispatchJobs([{ name: "runs", labels: linux, script: signal.script }]);
    await chain.github.control.wait({ what: "jobs", phase: "running", count: 1 }, 30_000);
    await chain.until("its machine is busy", ({ machines }) => machines[0]?.stage === "busy");
    return chain;
  }
  const figure = async (at: Chain, name: string) => {
    const text = await (await fetch(`${at.address}/metrics`)).text();
    return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (.+)$`, "m").exec(text)?.[1]);
  };
  const conclusion = (at: Chain, wanted: string) =>
    at.github.control.jobs().find(({ name }) => name === wanted)?.conclusion;

  test("no launches, with the reason, while a job ends and its machine goes; by itself once there is room", async () => {
    const at = await running(48);
    expect(await figure(at, "muster_journal_writable")).toBe(1);
    keepFull();
    await at.github.control.dispatchJobs([{ name: "waits", labels: linux }]);
    const told = await at.until("it says that the disk is full", ({ healthy }) => !healthy, 40_000);
    expect(told.problem).toBe("the journal cannot be written: no machines are started");
    const { pools: waiting } = await at.until("the job's reason", ({ pools: all }) =>
      all.some(({ reasons }) => reasons.length > 0),
    );
    expect(waiting[0]?.reasons).toMatchObject([{ reason: "journal-incomplete" }]);
    expect(await figure(at, "muster_journal_writable")).toBe(0);
    const health = (await (await fetch(`${at.address}/healthz`)).json()) as { ok: boolean; problem: string };
    expect(health).toMatchObject({ ok: true, problem: told.problem });

    const { pid } = at;
    const before = pid();
    signal!.give();
    await at.until(
      "the machine of the job that ran is gone",
      ({ machines }) => machines.length === 0,
      60_000,
    );
    expect(conclusion(at, "runs")).not.toBeNull();
    await pause(6_000); // longer than the journal's own retry
    expect((await at.state()).machines).toEqual([]);
    expect(at.github.control.calls()["scale-set.jit"]).toBe(1);

    await room();
    await at.github.control.until(
      () => conclusion(at, "waits") === "succeeded",
      "the job that waited ran",
      60_000,
    );
    expect([pid(), await figure(at, "muster_journal_writable")]).toEqual([before, 1]);
    expect((await at.state()).problem).toBeNull();
  });

  test("with room of its own: a manager that is killed begins again on the full disk and knows its machine", async () => {
    const at = await running(260);
    const journal = join(at.directory, "journal.sqlite");
    const reserved = () => existsSync(`${journal}.reserve`) && statSync(journal).size >= 64 * 1024 ** 2;
    await at.until("the journal has its room", reserved, 60_000);
    keepFull();
    await at.killManager();
    await at.startManager();
    const { machines } = await at.until(
      "it knows its machine",
      ({ machines: all }) => all[0]?.stage === "busy",
    );
    expect(machines).toHaveLength(1);
    expect([(await at.state()).problem, await figure(at, "muster_journal_writable")]).toEqual([null, 1]);
    signal!.give();
    await at.until("the machine goes", ({ machines: left }) => left.length === 0, 60_000);
    await room();
    await at.github.control.dispatchJobs([{ name: "next", labels: linux }]);
    await at.github.control.until(() => conclusion(at, "next") === "succeeded", "the next job ran", 60_000);
  });
});
