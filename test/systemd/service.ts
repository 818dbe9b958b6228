/** The life of a service: before, main, after, and what systemd makes of how it came out. */
import { setTimeout as pause } from "node:timers/promises";
import { type Cgroup, makeCgroup } from "./cgroup.ts";
import { type Exit, makeRuntimeDirectory, type Places, start, type Started } from "./process.ts";
import { commandOf, environmentOf, readUnit, timeOf, type Unit } from "./unit-file.ts";

export interface Service {
  /** Resolves when it is up; for a oneshot, when it is through. @throws when that fails */
  start(): Promise<void>;
  stop(): Promise<void>;
  isActive(): boolean;
  /** Too many starts: it stays down. */
  isFailed(): boolean;
}

export interface Host extends Places {
  /** Of this machine among those of the computer. */
  name: string;
  /** A unit that another one names. */
  startUnit(name: string): void;
  /** Told whenever a unit has come to its end. */
  ended(name: string): void;
}

/** systemd's RestartSec would only make a test slow. */
const restartMs = 200;
/** systemd's own, where a unit says nothing. */
const stopMs = 90_000;

const clean = (exit: Exit, oneshot: boolean) =>
  exit.code === 0 ||
  (!oneshot && exit.signal !== null && ["SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"].includes(exit.signal));

export function makeService(name: string, host: Host): Service {
  const starts: number[] = [];
  let running: { over: Promise<void>; stop: () => void } | null = null;
  let failed = false;
  let wanted = false;

  const tooMany = (unit: Unit) => {
    const intervalMs = timeOf(unit.one("StartLimitIntervalSec") ?? "10s");
    const now = performance.now();
    while (starts.length > 0 && now - starts[0]! > intervalMs) starts.shift();
    if (intervalMs === 0 || starts.length < Number(unit.one("StartLimitBurst") ?? 5)) {
      starts.push(now);
      return false;
    }
    return true;
  };

  const launch = (): Promise<void> => {
    const unit = readUnit(name);
    if (tooMany(unit)) {
      failed = true;
      for (const other of unit.all("OnFailure")) host.startUnit(other);
      return Promise.reject(new Error(`${name}: start-limit-hit`));
    }
    failed = false;
    let up!: () => void;
    let notUp!: (error: Error) => void;
    const ready = new Promise<void>((resolve, reject) => ([up, notUp] = [resolve, reject]));
    // Not everybody who starts one waits for it.
    ready.catch(() => {});
    const stopping = new AbortController();
    const over = live(unit, host, stopping.signal, up).then((result) => {
      running = null;
      if (result === "success") up();
      else notUp(new Error(`${name}: ${result}`));
      const restart = unit.one("Restart") ?? "no";
      const again = wanted && (restart === "always" || (restart === "on-failure" && result !== "success"));
      if (again)
        void pause(restartMs).then(() => {
          if (wanted && running === null) launch().catch(() => {});
        });
      else if (result !== "success" && !stopping.signal.aborted)
        for (const other of unit.all("OnFailure")) host.startUnit(other);
      host.ended(name);
    });
    running = { over, stop: () => stopping.abort() };
    return ready;
  };

  return {
    start: async () => {
      wanted = true;
      if (running === null) await launch();
    },
    stop: async () => {
      wanted = false;
      running?.stop();
      await running?.over;
    },
    isActive: () => running !== null,
    isFailed: () => failed,
  };
}

/** @returns systemd's word for how it came out */
async function live(unit: Unit, host: Host, stop: AbortSignal, up: () => void): Promise<string> {
  const cgroup = makeCgroup(host.name, unit.name);
  const oneshot = unit.one("Type") === "oneshot";
  let main: Exit | null = null;
  let result = "success";
  const run = async (key: string, env: Record<string, string> = {}): Promise<boolean> => {
    for (const line of unit.all(key)) {
      const command = commandOf(line, { ...environmentOf(unit), ...env });
      const started = start(unit, command, cgroup, host, env);
      const exit = "child" in started ? await started.ended : started;
      if (!clean(exit, true) && !command.mayFail) return false;
      if (key !== "ExecStopPost" && stop.aborted) return false;
    }
    return true;
  };
  try {
    makeRuntimeDirectory(unit);
    const failing = stop.aborted || !(await run("ExecStartPre"));
    if (failing) result = "exit-code";
    else if (oneshot) result = (await run("ExecStart")) ? "success" : "exit-code";
    else {
      const command = commandOf(unit.one("ExecStart")!, environmentOf(unit));
      const started = start(unit, command, cgroup, host);
      if (!("child" in started)) [main, result] = [started, "exit-code"];
      else {
        const after = run("ExecStartPost").then((well) => well && up());
        const stopped = new Promise<"stop">((resolve) => {
          if (stop.aborted) resolve("stop");
          stop.addEventListener("abort", () => resolve("stop"), { once: true });
        });
        const first = await Promise.race([started.ended, stopped]);
        const late = await end(unit, cgroup, first === "stop" ? started : null);
        main = await started.ended;
        await after;
        if (late) result = "timeout";
        else if (!clean(main, false)) result = main.signal === null ? "exit-code" : "signal";
      }
    }
  } catch (error) {
    console.error(`${unit.name}: ${(error as Error).message}`);
    result = "resources";
  }
  const said: Record<string, string> = { SERVICE_RESULT: result };
  if (main !== null) {
    said["EXIT_CODE"] = main.signal === null ? "exited" : "killed";
    said["EXIT_STATUS"] = main.signal === null ? String(main.code) : main.signal.slice("SIG".length);
  }
  await run("ExecStopPost", said);
  cgroup.kill("SIGKILL");
  await cgroup.empty(stopMs);
  cgroup.remove();
  return result;
}

/**
 * Ends what runs, as KillMode says: the main process where it was told to stop, and what it left behind.
 *
 * @returns whether it took longer than the unit allows
 */
async function end(unit: Unit, cgroup: Cgroup, main: Started | null): Promise<boolean> {
  const mode = unit.one("KillMode") ?? "control-group";
  const signal = (unit.one("KillSignal") ?? "SIGTERM") as NodeJS.Signals;
  const limitMs = timeOf(unit.one("TimeoutStopSec") ?? `${stopMs}ms`);
  const inside = cgroup.pids();
  if (mode === "control-group") cgroup.kill(signal);
  // Also where it has only just been started, and is not in its group yet.
  if (main !== null && (mode !== "control-group" || !inside.includes(main.child.pid!)))
    main.child.kill(signal);
  const gone =
    mode === "control-group"
      ? cgroup.empty(limitMs)
      : Promise.race([main?.ended.then(() => true) ?? true, pause(limitMs, false, { ref: false })]);
  const late = !(await gone);
  if (late) main?.child.kill("SIGKILL");
  if (mode !== "process") cgroup.kill("SIGKILL");
  return late;
}
