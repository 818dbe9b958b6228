/**
 * The whole chain as processes on this computer, without Pulumi: the simulated GitHub in the test, the manager's real
 * bundle as a child, runner agents and stand-in runners below it. Everything a test starts, `stop()` ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { realCliDeps } from "../../agent/cli/deps.ts";
import { endMachines } from "../../agent/cli/local/machines.ts";
import type { JobSource, ManagerConfig, ManagerSecrets, PoolConfig } from "../../agent/manager-config.ts";
import type { ManagerState } from "../../agent/manager/view.ts";
import { folder } from "../../agent/supervisor/folder.ts";
import { managerEnvironment, managerNodeFlags } from "../../agent/supervisor/manager-process.ts";
import { bundle, type Bundles } from "../../infra/bundle.ts";
import { config as testConfig } from "../agent/manager/worlds.ts";
import { freePort } from "../engine/project.ts";
import type { Fault } from "../github/core/faults.ts";
import type { GitHubOptions } from "../github/options.ts";
import { type GitHubSimulator, startGitHub } from "../github/server.ts";

const root = join(import.meta.dirname, "../..");

export interface ChainOptions {
  pools: Record<string, Partial<PoolConfig>>;
  github?: GitHubOptions;
  /** Another file as the machines' agent; default today's. */
  agent?: { path: string; sha256: string };
  /** The manager's folder, made if it is not there, which is the test's to remove; default: one made for the chain. */
  directory?: string;
  /** How the manager hears of jobs; default auto. */
  source?: JobSource;
  /** On before the manager starts. */
  faults?: readonly Fault[];
  manager?: Partial<ManagerConfig["manager"]>;
  /** Another file as the manager; default today's. */
  program?: { path: string; sha256: string };
  /** Besides the token of GitHub. */
  secrets?: ManagerSecrets;
  /** What else the manager inherits. */
  env?: NodeJS.ProcessEnv;
  /** Goes before the manager's command: setpriv and its like. */
  under?: readonly string[];
  /** Whose the manager's folder is. */
  uid?: number;
}

export interface Chain {
  github: GitHubSimulator;
  directory: string;
  /** The manager over TCP, without a slash at its end. */
  address: string;
  /** Process id of the manager. */
  pid(): number;
  state(): Promise<ManagerState>;
  /** Resolves with the state once it holds; rejects with it after `ms` (default 30 s). */
  until(what: string, holds: (state: ManagerState) => boolean, ms?: number): Promise<ManagerState>;
  /** Writes the settings anew and tells the manager, as `local start` does. */
  changePools(pools: Record<string, Partial<PoolConfig>>): Promise<void>;
  startManager(): Promise<void>;
  killManager(): Promise<void>;
  log(): string;
  stop(): Promise<void>;
}

type Programs = Pick<Bundles, "manager" | "runner">;
let built: Promise<Programs> | null = null;
/** Built once a test file; their names are their content, so files do not disturb each other. */
const bundles = () => (built ??= bundle(root, ["manager", "runner"], () => {}));

/** The checkout's bundles, or copies of them that another user may read. */
async function placed(
  { manager, runner }: Programs,
  directory: string,
  { uid }: ChainOptions,
): Promise<Programs> {
  if (uid === undefined) return { manager, runner };
  const copy = (bundle: Bundles["manager"]) => {
    const path = join(directory, basename(bundle.path));
    copyFileSync(bundle.path, path);
    return { ...bundle, path };
  };
  return { manager: copy(manager), runner: copy(runner) };
}

function chownAll(directory: string, uid: number): void {
  chownSync(directory, uid, uid);
  for (const name of readdirSync(directory, { recursive: true, encoding: "utf8" }))
    chownSync(join(directory, name), uid, uid);
}

export async function startChain(options: ChainOptions): Promise<Chain> {
  const github = await startGitHub(options.github);
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), "muster-chain-"));
  for (const fault of options.faults ?? []) github.control.setFault(fault);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const port = await freePort();
  const { manager, runner: runnerBundle } = await placed(await bundles(), directory, options);
  const managerBundle = options.program ?? manager;
  const settingsPath = join(directory, "settings.json");
  const socket = join(directory, "control.sock");
  const write = (pools: ChainOptions["pools"]) => {
    const base = testConfig(pools);
    const file = ({ path, sha256 }: { path: string; sha256: string }) => ({ path, sha256 });
    const settings: ManagerConfig = {
      ...base,
      github: { url: github.repositoryUrl, login: { kind: "token" }, source: options.source ?? "auto" },
      manager: {
        ...base.manager,
        port,
        directory,
        socket,
        managerBundle: file(managerBundle),
        runnerBundle: options.agent ?? file(runnerBundle),
        // The stand-in runner's Node is this one.
        readable: [dirname(process.execPath)],
        ...options.manager,
      },
    };
    writeFileSync(settingsPath, JSON.stringify(settings));
  };
  write(options.pools);
  if (options.uid !== undefined) chownAll(directory, options.uid);

  let child: ChildProcess | null = null;
  const logPath = join(directory, "manager.log");
  const address = `http://127.0.0.1:${port}`;
  const state = async () => (await (await fetch(`${address}/api/state`)).json()) as ManagerState;
  const log = () =>
    readFileSync(logPath, "utf8")
      .split("\n")
      .slice(-20)
      .map((line) => line.slice(0, 300))
      .join("\n");

  const poll = async (what: string, test: () => Promise<boolean>, ms: number, last: () => unknown) => {
    const untilMs = performance.now() + ms;
    while (!(await test().catch(() => false))) {
      if (performance.now() > untilMs) {
        throw new Error(
          `${what}: not within ${ms / 1000} s. Now: ${JSON.stringify(last(), null, 1)}\nEnd of the manager's log:\n${log()}`,
        );
      }
      await pause(20);
    }
  };

  const chain: Chain = {
    github,
    directory,
    address,
    pid: () => child!.pid!,
    state,
    log,
    until: async (what, holds, ms = 30_000) => {
      let last: ManagerState | null = null;
      await poll(
        what,
        async () => holds((last = await state())),
        ms,
        () => last && { pools: last.pools, machines: last.machines, jobs: last.jobs.slice(0, 5) },
      );
      return last!;
    },
    changePools: async (pools) => {
      write(pools);
      const { control } = await import("../../agent/supervisor/control.ts");
      const { status } = await control(socket, "/control/reload", "{}", 5_000);
      if (status !== 200) throw new Error(`reload was answered with ${status}`);
    },
    startManager: async () => {
      const out = openSync(logPath, "a");
      const program = [process.execPath, ...managerNodeFlags, managerBundle.path, "--config", settingsPath];
      const [file, ...args] = [...(options.under ?? []), ...program];
      child = spawn(file!, args, {
        cwd: directory,
        env: { PATH: process.env.PATH, ...managerEnvironment, ...options.env },
        stdio: ["pipe", out, out],
      });
      child.stdin!.end(JSON.stringify({ githubToken: github.token, ...options.secrets }));
      await poll(
        "the manager serves",
        async () => (await fetch(`${address}/healthz`)).ok,
        20_000,
        () => null,
      );
    },
    killManager: async () => {
      const ended = once(child!, "exit");
      child!.kill("SIGKILL");
      await ended;
    },
    stop: async () => {
      if (child && child.exitCode === null && child.signalCode === null) {
        const ended = once(child, "exit");
        child.kill("SIGTERM");
        await Promise.race([ended, pause(8_000)]);
        child.kill("SIGKILL");
      }
      await endMachines(folder(directory), realCliDeps);
      await github.stop();
      if (options.directory === undefined) rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  try {
    await chain.startManager();
  } catch (error) {
    await chain.stop();
    throw error;
  }
  return chain;
}
