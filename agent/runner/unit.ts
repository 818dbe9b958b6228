/**
 * Jobs in a unit of root's, on machines with systemd: the agent has no rights, a job needs those of its own user.
 *
 * The agent leaves an order (`job.env`, by a rename, so that nobody reads half of it); a path unit starts
 * muster-job.service, whose first command (cloud-init/runner/place.sh) takes the order away and says which one in
 * `taken`, `out` being new then. What the Listener prints is in `out`; its last command leaves `exit`:
 *
 *   ORDER exited|killed|dumped|- STATUS RESULT       ($EXIT_CODE, $EXIT_STATUS, $SERVICE_RESULT of systemd.exec(5))
 *   and, where the place is not clean, why
 *
 * `job.stop` asks root to stop the unit. Files, because all of this outlives the agent.
 */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { machineVariable } from "../machine-processes.ts";
import type { LaunchFile } from "../protocol.ts";
import type { Deps } from "./deps.ts";
import type { Limits } from "./limits.ts";
import { said, type Listener } from "./listener.ts";
import { writeWhole } from "./memory.ts";
import { followOutput, watched, type Output } from "./output.ts";
import type { Workplace } from "./workplace.ts";

const read = (file: string): string => {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
};

export function unitWorkplace(
  machine: string,
  { orders, results }: NonNullable<LaunchFile["units"]>,
  limits: Limits,
  { clock }: Deps,
): Workplace {
  const [order, stop] = [join(orders, "job.env"), join(orders, "job.stop")];
  const [taken, out, exit] = ["taken", "out", "exit"].map((name) => join(results, name)) as [
    string,
    string,
    string,
  ];
  let runner = "";

  /** The order that runs; null when none does. */
  const running = (): string | null => {
    const name = read(taken);
    return name === "" || read(exit).startsWith(`${name} `) ? null : name;
  };
  const takeBack = (): boolean => {
    try {
      rmSync(order);
      return true;
    } catch {
      return false;
    }
  };

  /** Follows an order to its end. */
  const follow = (name: string, onLine: Parameters<Workplace["start"]>[3]): Listener => {
    let output: Output | null = null;
    let over: (how: Awaited<Listener["ended"]>) => void;
    const ended = new Promise<Awaited<Listener["ended"]>>((resolve) => (over = resolve));
    const startMs = clock.now();
    let cancel = () => {};
    let done = false;
    const end = (code: number | null, problem: string | null) => {
      done = true;
      cancel();
      watcher?.close();
      output?.close();
      over({ code, problem });
    };
    const look = () => {
      if (done) return;
      cancel();
      if (output === null && read(taken) === name)
        output = followOutput(out, said(onLine), limits, clock, true);
      const [first = "", why] = read(exit).split("\n");
      const [which, how, status, result] = first.split(" ");
      if (which === name && how === "exited") return end(Number(status), why ?? null);
      if (which === name)
        return end(
          null,
          why ?? `the runner ${how === "-" ? "did not start" : `got SIG${status}`} (${result})`,
        );
      if (output === null && clock.now() - startMs > limits.unitStartMs) {
        takeBack();
        return end(null, "muster-job.service did not start: `systemctl status muster-job.path` says why");
      }
      cancel = clock.after(limits.outputPollMs, look);
    };
    const watcher = watched(results, look);
    look();
    return {
      ended,
      read: () => {
        look();
        output?.read();
      },
      interrupt: async () => {
        if (takeBack()) return end(null, null);
        writeWhole(stop, "");
        await Promise.race([ended, clock.sleep(limits.unitStopMs)]);
        end(null, "muster-job.service did not stop");
      },
      // The unit kills what is left of it, and a job may outlive its agent.
      kill: () => {},
    };
  };

  return {
    isUsed: () => existsSync(order) || running() !== null,
    empty: async () => {
      takeBack();
      const name = running();
      if (name !== null) await follow(name, () => {}).interrupt();
      const [, why] = read(exit).split("\n");
      if (running() !== null) throw new Error("muster-job.service does not stop");
      if (why !== undefined) throw new Error(why);
    },
    fill: (unpacked) => void (runner = basename(unpacked)),
    begin: () => Promise.resolve(),
    start: (life, launch, jitConfig, onLine) => {
      const given = `${life}.${launch}`;
      if (jitConfig === null) {
        const known = [/^MUSTER_ORDER=(.*)$/m.exec(read(order))?.[1], read(taken)];
        return follow(known.find((name) => name?.startsWith(`${life}.`)) ?? given, onLine);
      }
      const lines = {
        MUSTER_ORDER: given,
        MUSTER_RUNNER: runner,
        [machineVariable]: machine,
        ACTIONS_RUNNER_INPUT_JITCONFIG: jitConfig,
      };
      writeWhole(
        order,
        Object.entries(lines)
          .map(([key, value]) => `${key}=${value}\n`)
          .join(""),
      );
      return follow(given, onLine);
    },
    // The update goes with the unit; the manager names the newest version for the next machine.
    updated: (stopped) => clock.sleep(limits.relaunchMs, stopped),
  };
}
