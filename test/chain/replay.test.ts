// Goal: what a job as root can read on its machine (enrolment token, session, JIT config) brings it nothing: no second
// registration, no session at GitHub, no word for another machine; in mid-job, afterwards, and over a lost journal. Method:
// real manager, agent and stand-in runner; the secrets are taken from the wire and replayed against manager and simulator.
import { copyFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, test } from "vitest";
import {
  type EnrollRequest,
  protocolVersion,
  type SyncRequest,
  type SyncResponse,
} from "../../agent/protocol.ts";
import { postJson } from "../agent/manager/web/requests.ts";
import { ScriptedRunner } from "../github/testing/scripted-runner.ts";
import { type Chain, type ChainOptions, startChain } from "./chain.ts";
import { type Eavesdropper, eavesdrop, type Held } from "./eavesdrop.ts";
import { makeSignal, type Signal } from "./signal.ts";

const linux = ["self-hosted", "linux", "small"];
const job = (script: string) => ({ name: "hostile", labels: linux, script });

let chain: Chain | null = null;
let ear: Eavesdropper | null = null;
const signals: Signal[] = [];
afterEach(async () => {
  for (const signal of signals.splice(0)) signal.close();
  await ear?.stop();
  await chain?.stop();
  chain = ear = null;
});

async function start(
  options: Partial<ChainOptions["pools"][string]> = {},
  github: ChainOptions["github"] = {},
) {
  chain = await startChain({ pools: { small: { labels: linux, ...options } }, github });
  ear = await eavesdrop(chain.directory);
  return chain;
}

/** A job runs until it is told to end; everything that its machine holds is known. */
async function running(at: Chain, script?: string): Promise<{ held: Held; runId: number; finish(): void }> {
  const signal = await makeSignal();
  signals.push(signal);
  const run = await at.github.control.dispatchJobs([job(script ?? signal.script)]);
  await at.github.control.wait({ what: "jobs", phase: "running", count: 1 }, 30_000);
  await at.until("its machine is busy", ({ machines }) => machines.some(({ stage }) => stage === "busy"));
  return { held: ear!.only(), runId: run.id, finish: signal.give };
}

const told = async (path: string, body: unknown, session?: string) => {
  const headers: Record<string, string> = session === undefined ? {} : { authorization: `Bearer ${session}` };
  const { status, text } = await postJson({ socketPath: ear!.socketPath, path, headers }, body);
  return { status, ...(JSON.parse(text) as { error?: string } & Partial<SyncResponse>) };
};
const enrol = ({ machine, token }: Pick<Held, "machine" | "token">) => {
  const host = { arch: "x64", cores: 64, memoryMb: 1, diskFreeMb: 1, kernel: "mine" };
  const request: EnrollRequest = { protocol: protocolVersion, machine, token, agent: "x", host };
  return told("/agent/v1/enroll", request);
};
const sync = (session: string, over: Partial<SyncRequest>) => {
  const honest = { phase: "ready", life: 0, job: null, lastLife: null, problem: null, usage: null } as const;
  return told(
    "/agent/v1/sync",
    { protocol: protocolVersion, sequence: 0, done: 0, ...honest, ...over },
    session,
  );
};
/** Asks once for an instruction, as a machine that is not held. */
const asks = (session: string, over: Partial<SyncRequest> = {}) =>
  sync(session, { phase: "starting", ...over });
const registrations = ({ github: { control } }: Chain) => ({
  minted: control.calls()["scale-set.jit"] ?? 0,
  records: control.events().filter(({ what }) => what === "runner-registered").length,
});
const once = { minted: 1, records: 1 };
const gone = (at: Chain, ms?: number) =>
  at.until("no machine is left", ({ machines }) => machines.length === 0, ms);

/** A copy of the runner somewhere else, which got its access token while that was to be had. */
async function copyOf(held: Held): Promise<ScriptedRunner> {
  const copy = new ScriptedRunner(held.jitConfig);
  expect((await copy.authorize()).status).toBe(200);
  return copy;
}
/** Neither the config nor a token got with it before opens anything. */
async function refusedAtGitHub(held: Held, copy: ScriptedRunner): Promise<void> {
  expect((await new ScriptedRunner(held.jitConfig).authorize()).status, "a new access token").toBe(400);
  expect((await copy.openSession()).status, "a session with the old one").toBe(404);
}

describe("a job replays what its machine holds", () => {
  test("while it runs: it is not enrolled, registered or listened to for another, and finishes", async () => {
    const at = await start();
    const { held, runId, finish } = await running(at);
    expect(await enrol(held)).toMatchObject({ status: 409, error: "already-enrolled" });
    expect(await enrol({ ...held, machine: "small-other-0" })).toMatchObject({ status: 401 });

    // Older than what the agent said, as new as it, and with orders that were never given.
    const order = { instruction: { do: "wait" } };
    for (const done of [0, 1, 99]) expect(await asks(held.session, { done })).toMatchObject(order);
    for (const phase of ["preparing", "ready", "listening", "ended"] as const)
      expect(await asks(held.session, { phase: "starting", life: 0, done: 0, problem: phase })).toMatchObject(
        order,
      );
    expect(await sync(held.session, { phase: "ended", sequence: 1 })).toMatchObject(order);

    const [, mac] = held.session.split(".");
    const other = Buffer.from("small-other-0").toString("base64url");
    for (const forged of [`${other}.${mac}`, `${held.session}x`, held.token, "x.y"])
      expect(await asks(forged), forged).toMatchObject({ status: 401, error: "session-over" });

    // GitHub gives the runner's own session to nobody else.
    expect((await (await copyOf(held)).openSession()).status).toBe(409);

    finish();
    await at.github.control.wait({ what: "run-completed", run: runId }, 30_000);
    expect(at.github.control.jobs()).toMatchObject([{ conclusion: "succeeded", runnerName: held.machine }]);
    await gone(at);
    expect(registrations(at)).toEqual(once);
  });

  test.each([
    ["ended, as if the disk were broken", { phase: "ended", lastLife: null, problem: "no disk" }],
    [
      "ready, as if its job were over",
      { phase: "ready", life: 1, lastLife: { life: 1, code: 0, ranJob: true, result: "Succeeded" } },
    ],
  ] as const)(
    "that it is %s: its own machine ends, with its job, and the next job gets another",
    async (_what, lie) => {
      const at = await start();
      const { held } = await running(at);
      const copy = await copyOf(held);
      const { instruction } = await sync(held.session, { sequence: 1_000_000, done: 1, ...lie });
      expect(["wait", "end"]).toContain(instruction?.do);
      await gone(at, 40_000);
      await refusedAtGitHub(held, copy);
      expect(registrations(at)).toEqual(once);
      expect((await at.state()).pools[0]?.reasons).toEqual([]);
      await at.github.control.dispatchJobs([{ name: "next", labels: linux }]);
      await at.github.control.until(
        () =>
          at.github.control
            .jobs()
            .some(({ name, conclusion }) => name === "next" && conclusion === "succeeded"),
        "the next job ran",
        30_000,
      );
    },
  );

  test("after its end and after its machine: it is refused in all ways", async () => {
    const at = await start();
    const { held, finish } = await running(at);
    const copy = await copyOf(held);
    finish();
    await gone(at);
    expect(await enrol(held)).toMatchObject({ status: 401, error: "unknown-machine" });
    for (const phase of ["ready", "busy", "ended"] as const)
      expect(await sync(held.session, { phase, sequence: 1_000_000 })).toMatchObject({
        status: 401,
        error: "session-over",
      });
    await refusedAtGitHub(held, copy);
    // Another job waits, and still nobody but a new machine gets a registration for it.
    await at.github.control.dispatchJobs([{ name: "next", labels: linux }]);
    await at.github.control.wait({ what: "jobs", phase: "completed", count: 2 }, 30_000);
    expect(at.github.control.jobs().at(-1)?.runnerName).not.toBe(held.machine);
  });
});

describe("the copied credentials open nothing after", () => {
  const quick = { timings: { jobLockMs: 4_000, runnerOfflineMs: 1_000 } };

  test("a job that fails", async () => {
    const at = await start();
    const { held } = await running(at, "sleep 3; exit 1");
    const copy = await copyOf(held);
    await gone(at);
    expect(at.github.control.jobs()).toMatchObject([{ conclusion: "failed" }]);
    await refusedAtGitHub(held, copy);
    expect(registrations(at)).toEqual(once);
  });

  test("kill -9 of the agent and its runner, once GitHub has given the job up", async () => {
    const at = await start({}, quick);
    const { held } = await running(at);
    const copy = await copyOf(held);
    const pid = (of: string) => {
      const file = join(at.directory, "machines", held.machine, `${of}.json`);
      return (JSON.parse(readFileSync(file, "utf8")) as { pid: number }).pid;
    };
    process.kill(pid("agent"), "SIGKILL");
    process.kill(-pid("listener"), "SIGKILL");
    await at.until("the machine is lost", ({ machines }) => machines[0]?.stage === "lost", 40_000);
    await gone(at, 60_000);
    await refusedAtGitHub(held, copy);
    expect(registrations(at)).toEqual(once);
  });

  test("its deadline", async () => {
    const at = await start({ maxJobSeconds: 2 });
    const { held } = await running(at);
    const copy = await copyOf(held);
    await gone(at, 40_000);
    await refusedAtGitHub(held, copy);
    expect(registrations(at)).toEqual(once);
  });

  test("the end of a machine that was registered for nothing", async () => {
    const at = await start({ idleTimeoutSeconds: 2 }, { timings: { holdMs: 2_000 } });
    at.github.control.setFault({ kind: "delay", on: "broker.message", delayMs: 1_500 });
    await at.github.control.dispatchJobs([job("true")]);
    await at.until("a runner is registered", () => ear!.held.size === 1 && !!ear!.only().jitConfig);
    const held = ear!.only();
    const copy = await copyOf(held);
    at.github.control.cancelJob(at.github.control.jobs()[0]!.id);
    at.github.control.clearFaults();
    await gone(at, 60_000);
    await refusedAtGitHub(held, copy);
    expect(registrations(at)).toEqual(once);
  });

  test("a record that GitHub keeps: it is deleted, and until then nothing else is launched in its name", async () => {
    const at = await start();
    at.github.control.setFault({ kind: "record-lingers", count: 1 });
    const { held, finish } = await running(at);
    const copy = await copyOf(held);
    finish();
    await gone(at);
    await refusedAtGitHub(held, copy);
    expect(registrations(at)).toEqual(once);
  });
});

describe("a journal that is lost while a job runs", () => {
  const path = (at: Chain) => join(at.directory, "journal.sqlite");
  const remove = (at: Chain) =>
    ["", "-wal", "-shm"].forEach((part) => rmSync(path(at) + part, { force: true }));
  const restart = async (at: Chain, between: () => void) => {
    await ear!.stop();
    await at.killManager();
    between();
    await at.startManager();
    ear = await eavesdrop(at.directory, ear!.held as Map<string, Partial<Held>>);
  };
  /** As the manager was when it had launched the machine and nobody had enrolled. */
  const copied = async (at: Chain) => {
    const rest = at.github.control.setFault({ kind: "delay", on: "rest.runner-downloads", delayMs: 2_000 });
    const copy = join(at.directory, "older.sqlite");
    const copying = at
      .until("its machine is started", ({ machines }) => machines[0]?.stage === "starting")
      .then(() => {
        const database = new DatabaseSync(path(at), { timeout: 5_000 });
        database.exec(`VACUUM INTO '${copy}'`);
        database.close();
        at.github.control.clearFaults(rest);
      });
    return { copy, copying };
  };
  const replays = async (at: Chain, held: Held) => {
    await at.until("the machine is known to be busy", ({ machines }) => machines[0]?.stage === "busy");
    expect(await enrol(held)).toMatchObject({ status: 401, error: "unknown-machine" });
    for (const phase of ["preparing", "starting", "stopping"] as const)
      expect(await sync(held.session, { phase, sequence: 0 })).toMatchObject({ instruction: { do: "wait" } });
    expect((await (await copyOf(held)).openSession()).status).toBe(409);
  };

  test.each(["deleted", "replaced by an older copy, seconds old"])(
    "%s: the machine finishes its job, is spent, and goes; nothing that it holds registers another",
    async (how) => {
      const at = await start();
      const older = how === "deleted" ? null : await copied(at);
      const { held, runId, finish } = await running(at);
      await older?.copying;
      await restart(at, () => {
        remove(at);
        if (older) copyFileSync(older.copy, path(at));
      });
      await replays(at, held);
      // A job that waits gets a machine of its own.
      const next = await at.github.control.dispatchJobs([{ name: "next", labels: linux }]);
      await at.github.control.wait({ what: "run-completed", run: next.id }, 40_000);
      finish();
      await at.github.control.wait({ what: "run-completed", run: runId }, 30_000);
      expect(at.github.control.jobs()[0]).toMatchObject({
        conclusion: "succeeded",
        runnerName: held.machine,
      });
      await gone(at, 40_000);
      expect((await new ScriptedRunner(held.jitConfig).authorize()).status).toBe(400);
      const names = at.github.control.events().filter(({ what }) => what === "runner-registered");
      expect(names.filter(({ runner }) => runner?.startsWith(held.machine))).toHaveLength(1);
      expect(names).toHaveLength(2);
      await at.github.control.wait({ what: "runners", count: 0, exactly: true });
    },
  );
});
