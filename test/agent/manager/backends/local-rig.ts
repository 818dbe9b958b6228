/** This computer as a backend for tests: real agents of the real bundle, a scripted manager and Listener. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { pino } from "pino";
import type { ManagerConfig } from "../../../../agent/manager-config.ts";
import { makeLocalBackend } from "../../../../agent/manager/backends/local/local.ts";
import type { Reason } from "../../../../agent/manager/world.ts";
import { realDeps } from "../../../../agent/manager/deps.ts";
import { type ProcessId } from "../../../../agent/supervisor/process.ts";
import { eventually } from "../../runner/agents.ts";
import { FakeManager } from "../../runner/fake-manager.ts";
import { packFakeRunner } from "../../runner/fake-runner.ts";
import { config } from "../worlds.ts";
import { type BackendRig } from "./contract.ts";

export const { signal } = new AbortController();
export const deps = realDeps(pino({ level: "silent" }));
let folder: string;
let bundle: string;
let archive: { file: string; sha256: string };
/** Where everything of this test file lies. */
export const rigFolder = () => folder;

/** Builds the bundle that machines run and packs what they fetch, once a test file. */
export async function prepare(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), "muster-local-"));
  bundle = join(folder, "runner.mjs");
  archive = packFakeRunner(folder);
  const entryPoints = [join(import.meta.dirname, "../../../../agent/runner/main.ts")];
  await build({ entryPoints, bundle: true, minify: true, platform: "node", format: "esm", outfile: bundle });
}
export const clearAway = (): void => rmSync(folder, { recursive: true, force: true });

/** Scripts of these tests name the machine's real folders; test/chain/isolation.test.ts has jobs that are confined. */
export const none = () => Promise.resolve({ kind: "none" as const, refused: ["tests want it so"] });

export interface LocalRig extends BackendRig {
  /** How often a machine of this id enrolled. */
  enrolled(machine: string): number;
  manager: FakeManager;
  impostor: FakeManager;
  settings: ManagerConfig;
  path: (...parts: string[]) => string;
}

export async function makeRig(): Promise<LocalRig> {
  const directory = mkdtempSync(join(folder, "manager-"));
  const manager = await FakeManager.start({ archive, socket: join(directory, "agents.sock") });
  // Another user of this computer, who got the manager's port while it restarts.
  const impostor = await FakeManager.start({ archive });
  const socket = join(directory, "control.sock");
  const away = join(directory, "machines-away");
  const base = config();
  const runnerBundle = { path: bundle, sha256: "0".repeat(64) };
  const settings = {
    ...base,
    manager: { ...base.manager, directory, socket, port: impostor.port, runnerBundle },
  };
  const path = (...parts: string[]) => join(directory, "machines", ...parts);
  const backend = makeLocalBackend(() => settings, deps, process.env, none);
  const enrolled = (machine: string) => manager.enrolments.filter((one) => one.machine === machine).length;
  const inTheWay = (machines: readonly string[]): Reason => {
    mkdirSync(path(), { recursive: true });
    for (const machine of machines) writeFileSync(path(machine), "a file where the folder should be");
    return "unknown";
  };
  return {
    manager,
    impostor,
    settings,
    path,
    backend,
    entry: { kind: "local" },
    another: () => makeLocalBackend(() => settings, deps, process.env, none),
    enrolled,
    made: (_launch, { machines }) => machines.reduce((sum, machine) => sum + enrolled(machine), 0),
    stop: async (machine) => {
      await manager.until(() => manager.enrolments.some((enrolment) => enrolment.machine === machine));
      process.kill(processOf(path(machine, "agent.json")).pid, "SIGKILL");
    },
    lackOne: async ({ machines }) => inTheWay(machines.slice(1, 2)),
    lackAll: async ({ machines }) => inTheWay(machines),
    failLists: async () => {
      renameSync(path(), away);
    },
    close: async () => {
      await impostor.down();
      if (existsSync(away)) renameSync(away, path());
      if (!existsSync(path())) return manager.down();
      for (const name of readdirSync(path())) if (!existsSync(path(name, "machine.json"))) rmSync(path(name));
      const left = readdirSync(path());
      await backend.destroy(left, signal);
      await eventually(() => readdirSync(path()).length === 0, "all machines are destroyed");
      await manager.down();
    },
  };
}

export const processOf = (file: string) => JSON.parse(readFileSync(file, "utf8")) as ProcessId;
