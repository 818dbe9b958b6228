/** Agents under test: in this process with short limits, or as real processes. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { realClock, type Deps } from "../../../agent/runner/deps.ts";
import { defaultLimits, type Limits } from "../../../agent/runner/limits.ts";
import { runAgent } from "../../../agent/runner/run.ts";
import type { Ending, LaunchFile } from "../../../agent/protocol.ts";
import { FakeManager, type FakeManagerOptions } from "./fake-manager.ts";
import { packFakeRunner } from "./fake-runner.ts";

export const program = join(import.meta.dirname, "../../../agent/runner/main.ts");

/** Everything short that a test would otherwise wait for. */
export const shortLimits: Limits = {
  ...defaultLimits,
  pauseFirstMs: 10,
  pauseMaxMs: 50,
  relaunchMs: 20,
  relaunchesMax: 3,
  updateMs: 2_000,
  interruptMs: 300,
  terminateMs: 300,
  powerOffGraceMs: 100,
  farewellMs: 500,
  downloadRounds: 2,
};

export interface Started {
  exitCode: Promise<number>;
  stop: () => void;
}

type RigOptions = Partial<FakeManagerOptions> & { unix?: boolean };

/** A folder, a packed runner and a manager; `close` ends and removes all. */
export class Rig {
  readonly folder = mkdtempSync(join(tmpdir(), "muster-agent-"));
  readonly machine = `m${Math.trunc(performance.timeOrigin + performance.now())}-${process.pid}`;
  readonly directory = join(this.folder, "machines", this.machine);
  readonly archive = packFakeRunner(this.folder);
  readonly events: { event: string; detail: Record<string, unknown> }[] = [];
  poweredOff = 0;
  /** What the launch file says besides, or instead. */
  launch: Partial<LaunchFile> = {};
  /** An empty tree: whatever the computer has that runs the tests, this machine has no graphics processor. */
  readonly places = { sys: join(this.folder, "sys"), dev: join(this.folder, "dev") };
  manager!: FakeManager;
  readonly #endings: (() => Promise<unknown>)[] = [];

  /** @param unix whether agents call over a Unix socket */
  static async make({ unix = false, ...options }: RigOptions = {}): Promise<Rig> {
    const rig = new Rig();
    const socket = unix ? join(rig.folder, "agents.sock") : null;
    rig.manager = await FakeManager.start({ archive: rig.archive, socket, ...options });
    return rig;
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts);
  }
  read(...parts: string[]): string {
    return readFileSync(this.path(...parts), "utf8");
  }

  launchFile(end: Ending = "exit"): string {
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
    const launch: LaunchFile = {
      managers: [this.manager.address],
      machine: this.machine,
      token: "one-time-token-of-this-machine",
      directory: this.directory,
      archives: join(this.folder, "archives"),
      end,
      ...this.launch,
    };
    const file = this.path("launch.json");
    writeFileSync(file, JSON.stringify(launch), { mode: 0o600 });
    return file;
  }

  /** In this process. */
  start(end: Ending = "exit", limits: Partial<Limits> = {}, env: NodeJS.ProcessEnv = process.env): Started {
    const stop = new AbortController();
    const deps: Deps = {
      clock: realClock,
      random: () => 0.5,
      log: (event, detail = {}) => this.events.push({ event, detail }),
      env,
      powerOff: () => (this.poweredOff += 1),
    };
    const exitCode = runAgent(
      this.launchFile(end),
      program,
      stop.signal,
      { ...shortLimits, ...limits },
      deps,
      this.places,
    );
    const abort = () => stop.abort(new Error("told to stop by the test"));
    this.#endings.push(async () => {
      abort();
      await exitCode.catch(() => {});
    });
    return { exitCode, stop: abort };
  }

  /** As a process of its own. */
  spawn(end: Ending = "exit", env: NodeJS.ProcessEnv = {}): ChildProcess & { ended: Promise<number | null> } {
    const child = spawn(process.execPath, [program, this.launchFile(end)], {
      env: { PATH: process.env["PATH"], MUSTER_MACHINE: this.machine, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "exit").then(([code]) => code as number | null);
    this.#endings.push(async () => {
      child.kill("SIGTERM");
      await ended;
    });
    return Object.assign(child, { ended });
  }

  async close(): Promise<void> {
    await Promise.all(this.#endings.map((end) => end()));
    await this.manager.down().catch(() => {});
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Polls; for what no event tells of. */
export async function eventually(
  test: () => boolean | Promise<boolean>,
  what: string,
  limitMs = 20_000,
): Promise<void> {
  const endMs = realClock.now() + limitMs;
  while (!(await test())) {
    if (realClock.now() > endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await realClock.sleep(10);
  }
}

/** Whether a process runs; one that only waits to be reaped does not. */
export function runs(pid: string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
