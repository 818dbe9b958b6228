/**
 * Keeps one manager running: starts it, restarts it when it dies, gives it changed settings and secrets, stops it.
 * Level-triggered: `refresh` compares what is wanted (the files) with what runs, so a lost signal costs nothing once
 * the next one comes. While it runs, the secrets are in its memory only.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rm } from "node:fs/promises";
import { control } from "./control.ts";
import type { Clock } from "./deps.ts";
import {
  readRecord,
  sha256,
  takeSecrets,
  writeAtomic,
  type Folder,
  type SupervisorRecord,
} from "./folder.ts";
import { openLog, rotate } from "./logs.ts";
import { followingProxies } from "../inherited.ts";
import { managerEnvironment, managerNodeFlags } from "./manager-process.ts";
import { identify, isAlive, signal, type ProcessId } from "./process.ts";

export interface SuperviseDeps {
  clock: Clock;
  /** One JSON line; never a secret. */
  log: (event: string, detail?: Record<string, unknown>) => void;
  env: NodeJS.ProcessEnv;
}

/** A signal, so that an order that nobody took cannot be found and followed later. */
export const stopAndKeepSecrets = "SIGUSR2";

const pauseMs = { first: 200, max: 30_000 };
/** A manager that ran so long was healthy: the next pause is short again. */
const steadyMs = 60_000;
const politeMs = 15_000;
const rotateMs = 30_000;

interface Settings {
  hash: string;
  socket: string;
  bundle: string;
}
/** Only what is needed here; the manager itself checks the rest. */
const readSettings = async (file: string): Promise<Settings> => {
  const text = await readFile(file, "utf8");
  const { manager } = JSON.parse(text) as { manager: { socket: string; managerBundle: { path: string } } };
  return { hash: sha256(text), socket: manager.socket, bundle: manager.managerBundle.path };
};

/** SIGTERM, then SIGKILL when it does not help. */
const end = async (id: ProcessId, deps: SuperviseDeps) => {
  signal(id, "SIGTERM");
  const startMs = deps.clock.now();
  while (isAlive(id)) {
    if (deps.clock.now() - startMs > politeMs) signal(id, "SIGKILL");
    await deps.clock.sleep(50);
  }
};

interface Running extends ProcessId {
  ended: Promise<[number | null, NodeJS.Signals | null]>;
  settings: Settings;
  secrets: string;
}

export class Supervisor {
  readonly #paths: Folder;
  readonly #deps: SuperviseDeps;
  readonly #stop = new AbortController();
  #secrets: string;
  #running: Running | null = null;
  #crashes = 0;
  #keepSecrets = false;
  #wake = new AbortController();
  #refreshing: Promise<void> = Promise.resolve();

  constructor(paths: Folder, secrets: string, deps: SuperviseDeps) {
    this.#paths = paths;
    this.#secrets = secrets;
    this.#deps = deps;
  }

  /** Returns when `stop` was called and the manager is gone. */
  async run(): Promise<void> {
    void this.#rotateLogs();
    await this.#endPredecessor();
    let pause = pauseMs.first;
    while (!this.#stop.signal.aborted) {
      const ranMs = await this.#runOnce();
      if (this.#stop.signal.aborted) break;
      pause = ranMs > steadyMs ? pauseMs.first : Math.min(pause * 2, pauseMs.max);
      // A refresh ends the pause: perhaps it brought the cure.
      await this.#deps.clock.sleep(this.#wake.signal.aborted ? 0 : pause, this.#wake.signal);
      if (this.#wake.signal.aborted) pause = pauseMs.first;
      this.#wake = new AbortController();
    }
    await this.#write(null);
    // Only for a manager that follows at once: else a credential would lie there in clear until somebody finds it.
    if (this.#keepSecrets) await writeAtomic(this.#paths.secrets, this.#secrets);
    else await rm(this.#paths.secrets, { force: true });
  }

  /** Looks at settings and secrets again and makes the manager follow. */
  refresh(): Promise<void> {
    this.#refreshing = this.#refreshing
      .then(() => this.#refresh())
      .catch((error: Error) => {
        this.#deps.log("refresh failed", { error: error.message });
      });
    return this.#refreshing;
  }

  /** @param options.keepSecrets leave them in the folder, as they were found */
  async stop(options: { keepSecrets?: boolean } = {}): Promise<void> {
    this.#keepSecrets ||= options.keepSecrets ?? false;
    this.#stop.abort();
    this.#wake.abort();
    if (this.#running) await end(this.#running, this.#deps);
  }

  async #refresh() {
    this.#secrets = (await takeSecrets(this.#paths)) ?? this.#secrets;
    const wanted = await readSettings(this.#paths.settings);
    const running = this.#running;
    if (!running) return this.#wake.abort();
    const { settings, secrets } = running;
    if (wanted.bundle !== settings.bundle || wanted.socket !== settings.socket)
      return this.#restart("bundle");
    try {
      if (this.#secrets !== secrets) await this.#tell(wanted.socket, "/control/secrets", this.#secrets);
      if (wanted.hash !== settings.hash) await this.#tell(wanted.socket, "/control/reload", "{}");
      running.secrets = this.#secrets;
      running.settings = wanted;
    } catch (error) {
      // A fresh manager reads both by itself.
      await this.#restart((error as Error).message);
    }
  }

  async #tell(socket: string, path: `/control/${string}`, body: string) {
    const { status } = await control(socket, path, body, 10_000);
    if (status < 200 || status > 299) throw new Error(`${path} was answered with ${status}`);
    this.#deps.log("told the manager", { path });
  }

  async #restart(why: string) {
    this.#deps.log("restarting the manager", { why });
    this.#wake.abort();
    if (this.#running) await end(this.#running, this.#deps);
  }

  /** Starts the manager and waits for its end; how long it ran, in milliseconds. */
  async #runOnce(): Promise<number> {
    const startedMs = this.#deps.clock.now();
    try {
      const running = await this.#start();
      // Settings may have changed while it started.
      void this.refresh();
      const [code, ended] = await running.ended;
      const wanted = this.#stop.signal.aborted || this.#wake.signal.aborted;
      if (!wanted) this.#crashes++;
      this.#deps.log("the manager ended", { code, signal: ended, wanted });
    } catch (error) {
      this.#crashes++;
      // It may run all the same, unwatched: the next one would find its port taken.
      if (this.#running) await end(this.#running, this.#deps);
      this.#deps.log("the manager could not be started", { error: (error as Error).message });
    }
    this.#running = null;
    await this.#write(null);
    return this.#deps.clock.now() - startedMs;
  }

  async #start(): Promise<Running> {
    const settings = await readSettings(this.#paths.settings);
    const log = await openLog(this.#paths.managerLog);
    const secrets = this.#secrets;
    try {
      const child = spawn(
        process.execPath,
        [...managerNodeFlags, settings.bundle, "--config", this.#paths.settings],
        {
          cwd: this.#paths.directory,
          env: { ...followingProxies(this.#deps.env), ...managerEnvironment },
          stdio: ["pipe", log.fd, log.fd],
        },
      );
      const ended = once(child, "exit") as Running["ended"];
      child.stdin!.on("error", () => {
        // It died before it read them: the exit says so.
      });
      child.stdin!.end(secrets);
      await once(child, "spawn");
      const id = identify(child.pid!) ?? { pid: child.pid!, startTime: 0 };
      this.#running = { ...id, ended, settings, secrets };
      if (this.#wake.signal.aborted) this.#wake = new AbortController();
      this.#deps.log("started the manager", { pid: id.pid, bundle: settings.bundle });
      await this.#write({ ...id, bundle: settings.bundle });
      if (this.#stop.signal.aborted) void end(id, this.#deps);
      return this.#running;
    } finally {
      await log.close();
    }
  }

  /** A manager that outlived its supervisor cannot be watched from here: it makes room for a new one. */
  async #endPredecessor() {
    const record = await readRecord(this.#paths);
    if (!isAlive(record?.manager)) return;
    this.#deps.log("ending the manager of an earlier supervisor", { pid: record.manager.pid });
    await end(record.manager, this.#deps);
  }

  async #write(manager: SupervisorRecord["manager"]) {
    const record: SupervisorRecord = { supervisor: identify(process.pid)!, manager, crashes: this.#crashes };
    // On a full disk the manager runs on: who looks for it sees it as it was, or by the processes.
    await writeAtomic(this.#paths.record, `${JSON.stringify(record)}\n`).catch((error: Error) =>
      this.#deps.log("the record was not written", { error: error.message }),
    );
  }

  async #rotateLogs() {
    while (!this.#stop.signal.aborted) {
      for (const file of [this.#paths.managerLog, this.#paths.supervisorLog])
        await rotate(file).catch((error: Error) =>
          this.#deps.log("a log was not rotated", { error: error.message }),
        );
      await this.#deps.clock.sleep(rotateMs, this.#stop.signal);
    }
  }
}
