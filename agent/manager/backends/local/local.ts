/**
 * This computer as a backend: a machine is a folder and a process, a session of its own that outlives the manager.
 * The folder is the truth: it is there before the agent starts and until nothing of the machine is left.
 */
import { access, readdir } from "node:fs/promises";
import { join } from "node:path";
import { detectConfinement } from "../../../confinement/detect.ts";
import type { Confinement } from "../../../confinement/kind.ts";
import { agentsSocket, type ManagerConfig } from "../../../manager-config.ts";
import type { Deps } from "../../deps.ts";
import type { Backend, Invitation } from "../../ports.ts";
import type { Failure, ListedMachine } from "../../facts.ts";
import type { LaunchRequest, Offer } from "../../world.ts";
import { endProcesses, isRunning, neverStarted, removeFolder, startAgent } from "./agent.ts";
import { classifyLocal } from "./classify.ts";
import { makeConfine } from "./confinement.ts";
import {
  isFileName,
  machineFolder,
  makeFolder,
  makeMachinesFolder,
  readRecord,
  type MachineFolder,
} from "./folder.ts";

const localOffer: Offer = { key: "local", backend: "local", priceMicros: 0, scopes: [] };

/** A call to destroy waits so long for the ends that it asked for; they go on after that. */
const destroyWaitMs = 1_000;

/**
 * @param config as it is now: `manager.directory` holds the machines, `manager.runnerBundle` is what new ones run
 * @param env the environment that agents inherit a few variables from
 * @param detect what this computer gives to confine jobs
 */
export function makeLocalBackend(
  config: () => ManagerConfig,
  deps: Deps,
  env: NodeJS.ProcessEnv = process.env,
  detect: () => Promise<Confinement> = detectConfinement,
): Backend {
  const confine = makeConfine(config, detect, deps);
  const { directory } = config().manager;
  const machines = join(directory, "machines");
  const folderOf = (id: string) => machineFolder(machines, id);
  /** By machine, so that two calls for one machine never run side by side in this manager. */
  const launching = new Map<string, Promise<void>>();
  const ending = new Map<string, Promise<void>>();
  let made: Promise<void> | null = null;
  // Made once: a folder that vanishes later is a fault, not an empty list.
  const ready = () => {
    made ??= makeMachinesFolder(machines);
    return made.catch((error: unknown) => {
      made = null;
      throw error;
    });
  };

  const start = async (folder: MachineFolder) => {
    const { path } = config().manager.runnerBundle;
    await access(path);
    await startAgent(folder, path, env, deps);
  };

  const launchOne = async (launch: string, request: LaunchRequest, { machine, token }: Invitation) => {
    if (!isFileName(machine)) throw new Error(`local: machine id ${machine} cannot be a folder's name`);
    if (ending.has(machine)) throw new Error(`local: ${machine} is being destroyed`);
    const folder = folderOf(machine);
    const confinement = await confine();
    const { pool, offer } = request;
    const record = { id: machine, pool, launch, offer, startedMs: deps.clock.now() };
    const isNew = await makeFolder(folder, record, {
      managers: [`unix:${agentsSocket(config())}`],
      machine,
      token,
      directory: folder.directory,
      archives: join(directory, "archives"),
      end: "exit",
      ...(confinement && { confinement }),
    });
    // Launched before, by this manager or the one before it; only its agent may be missing.
    if (!isNew && !(await neverStarted(folder))) return;
    try {
      await start(folder);
    } catch (error) {
      // What is half made must not be listed.
      await endProcesses(folder, deps.clock);
      await removeFolder(folder);
      throw error;
    }
  };

  const endOne = async (id: string) => {
    const folder = folderOf(id);
    await launching.get(id)?.catch(() => {});
    await endProcesses(folder, deps.clock);
    await removeFolder(folder);
  };

  return {
    name: "local",
    consistent: true,
    offers: (_pool, entry) => (entry.kind === "local" ? [localOffer] : []),
    classify: classifyLocal,

    launch: async (launch, request, invitations) => {
      await ready();
      const failures: Failure[] = [];
      const started: string[] = [];
      const one = async (invitation: Invitation) => {
        try {
          await single(launching, invitation.machine, () => launchOne(launch, request, invitation));
          started.push(invitation.machine);
        } catch (error) {
          failures.push(classifyLocal(error, request.offer));
        }
      };
      await Promise.all(invitations.map(one));
      return { machines: started, failures };
    },

    list: async (signal) => {
      await ready();
      const names = (await readdir(machines)).filter(isFileName);
      const listed = await Promise.all(
        names.map(async (name): Promise<ListedMachine[]> => {
          const folder = folderOf(name);
          const record = await readRecord(folder);
          signal.throwIfAborted();
          if (!record) return [];
          return [{ ...record, id: name, running: await isRunning(folder) }];
        }),
      );
      return listed.flat();
    },

    destroy: async (ids, signal) => {
      await ready();
      const ends = ids.filter(isFileName).map((id) => single(ending, id, () => endOne(id)));
      const all = Promise.all(ends);
      // Asked, not confirmed: who ends later than this call is seen in the list; an error then is the next call's.
      all.catch((error: unknown) => deps.log.warn({ err: error }, "local: a machine could not be destroyed"));
      await Promise.race([all, deps.clock.sleep(destroyWaitMs, signal)]);
    },
  };
}

/** Joins a call for this key that is under way, else begins one. */
function single(underWay: Map<string, Promise<void>>, key: string, work: () => Promise<void>): Promise<void> {
  const running = underWay.get(key);
  if (running) return running;
  const promise = work().finally(() => underWay.delete(key));
  underWay.set(key, promise);
  return promise;
}
