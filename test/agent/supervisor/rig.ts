/** A folder for a local manager, with the fake manager as its bundle. */
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CliDeps } from "../../../agent/cli/deps.ts";
import { realCliDeps } from "../../../agent/cli/deps.ts";
import { endDaemon } from "../../../agent/cli/local/daemon.ts";
import { endMachines } from "../../../agent/cli/local/machines.ts";
import type { ManagerConfig } from "../../../agent/manager-config.ts";
import { realClock, waitUntil } from "../../../agent/supervisor/deps.ts";
import { folder, readRecord, sha256, type Folder } from "../../../agent/supervisor/folder.ts";
import { identify, isAlive } from "../../../agent/supervisor/process.ts";
import { freePort } from "../../engine/project.ts";

export const fakeManager = join(import.meta.dirname, "../../engine/fake/manager.ts");

export interface Event {
  event: string;
  pid: number;
  secrets?: string;
  pools?: Record<string, { max: number }>;
}

export interface Rig {
  config: ManagerConfig;
  paths: Folder;
  deps: CliDeps;
  /** What the CLI said to people. */
  said: string[];
  events: () => Promise<Event[]>;
  managerPid: () => Promise<number>;
  supervisorPid: () => Promise<number>;
  /** The same manager under another name and digest. */
  otherBundle: () => Promise<ManagerConfig["manager"]["managerBundle"]>;
  remove: () => Promise<void>;
}

export const makeRig = async (env: NodeJS.ProcessEnv = process.env): Promise<Rig> => {
  const home = await mkdtemp(join(tmpdir(), "muster-rig-"));
  const directory = join(home, "local");
  const paths = folder(directory);
  const bundle = { path: join(home, "manager.mts"), sha256: sha256("first") };
  await cp(fakeManager, bundle.path);
  const said: string[] = [];
  const deps: CliDeps = { ...realCliDeps, env, say: (line) => void said.push(line) };
  const config: ManagerConfig = {
    version: 1,
    stack: { project: "muster", name: "local" },
    github: { url: "http://127.0.0.1:9/acme", login: { kind: "token" }, source: "auto" },
    pools: {
      local: {
        labels: ["self-hosted"],
        max: 2,
        minIdle: 0,
        idleTimeoutSeconds: 300,
        maxJobSeconds: 3_600,
        reuse: false,
        gpu: null,
        runnerGroup: "Default",
        publicRepositories: "refuse",
        shareLabels: false,
        rerun: "once",
        backends: [{ kind: "local" }],
      },
    },
    budget: null,
    manager: {
      port: await freePort(),
      directory,
      socket: join(directory, "control.sock"),
      managerBundle: bundle,
      runnerBundle: bundle,
      drainTimeoutSeconds: 5,
      readable: [],
      hidden: [],
      unconfined: true,
      agents: null,
    },
  };
  const record = async () => (await readRecord(paths))!;
  return {
    config,
    paths,
    deps,
    said,
    events: async () => {
      const text = await readFile(`${directory}.events`, "utf8").catch(() => "");
      return text
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Event);
    },
    managerPid: async () => (await record()).manager!.pid,
    supervisorPid: async () => (await record()).supervisor.pid,
    otherBundle: async () => {
      const other = { path: join(home, "manager2.mts"), sha256: sha256("second") };
      await cp(fakeManager, other.path);
      return other;
    },
    remove: async () => {
      await endDaemon(paths, deps);
      await endMachines(paths, deps, { politeMs: 100, killedMs: 5_000 });
      await rm(home, { recursive: true, force: true });
    },
  };
};

/** Waits at most 20 seconds for a condition, else fails with its name. */
export const eventually = async (what: string, test: () => boolean | Promise<boolean>): Promise<void> => {
  if (!(await waitUntil(test, { limitMs: 20_000, everyMs: 20 }, realClock)))
    throw new Error(`never: ${what}`);
};

/** A zombie is gone: it only waits for its parent. */
export const gone = (pid: number): boolean => !isAlive(identify(pid));

export const managerAlive = async (rig: Rig): Promise<boolean> =>
  isAlive((await readRecord(rig.paths))?.manager);
