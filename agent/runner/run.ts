/** The agent from its launch file to its end. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EnrollResponse, LaunchFile, Usage } from "../protocol.ts";
import { makeAgent, type Agent } from "./agent.ts";
import { unpackedRunner } from "./archive.ts";
import { makeConnect } from "./connect.ts";
import type { Deps } from "./deps.ts";
import { enroll } from "./enroll.ts";
import { messageOf, Refused } from "./errors.ts";
import { findGpus } from "./gpu/gpus.ts";
import { realPlaces, type Places } from "./gpu/pci.ts";
import { recordProcess, takeLaunchFile } from "./launch-file.ts";
import type { Limits } from "./limits.ts";
import { makeManager } from "./manager.ts";
import { makeMemory, type Memory } from "./memory.ts";
import { makePost } from "./post.ts";
import { slotOf } from "./slot.ts";
import { makeStatus, type StatusBoard } from "./status.ts";
import { keepInSync } from "./sync.ts";
import { unitWorkplace } from "./unit.ts";
import { makeUsage } from "./usage.ts";
import { ownProcesses } from "./workplace.ts";

/**
 * @param file the launch file's path
 * @param program the agent's own file
 * @param stop aborts when this process is told to stop: the runner is interrupted, and nothing is powered off
 * @param places where this machine describes its devices
 * @returns exit code: 0 for an end that somebody asked for, 1 for all others
 */
export async function runAgent(
  file: string,
  program: string,
  stop: AbortSignal,
  limits: Limits,
  deps: Deps,
  places: Places = realPlaces,
): Promise<number> {
  const launch = takeLaunchFile(file);
  recordProcess(launch.directory, "agent", process.pid);
  const memory = makeMemory(launch.units && join(launch.units.orders, "agent.json"));
  const status = makeStatus(memory.kept().status, (status) => memory.keep({ status }));
  const workplace =
    launch.units === undefined
      ? ownProcesses(slotOf(launch.machine, launch.directory, launch.confinement), limits, deps)
      : unitWorkplace(launch.machine, launch.units, limits, deps);
  const agent = makeAgent({ workplace, ending: launch.end, status, limits, deps });
  process.once("exit", agent.kill);
  const code = await serve({ launch, memory, program, status, agent, stop, limits, deps, places });
  process.off("exit", agent.kill);
  agent.kill();
  if (launch.end === "power-off" && !stop.aborted) {
    await deps.clock.sleep(limits.powerOffGraceMs);
    deps.log("power-off");
    deps.powerOff();
  }
  return code;
}

interface Serving {
  launch: LaunchFile;
  memory: Memory;
  program: string;
  status: StatusBoard;
  agent: Agent;
  stop: AbortSignal;
  limits: Limits;
  deps: Deps;
  places: Places;
}

async function serve(serving: Serving): Promise<number> {
  const { launch, memory, program, status, agent, stop, limits, deps, places } = serving;
  const ca = launch.ca === undefined ? undefined : readFileSync(launch.ca, "utf8");
  const manager = makeManager(launch.managers, limits, makePost(deps.clock, ca));
  const over = new AbortController();
  const told = () => void agent.end(messageOf(stop.reason));
  stop.addEventListener("abort", told);
  try {
    const gpus = findGpus(places, limits, deps);
    await Promise.race([gpus.look(), deps.clock.sleep(limits.gpuFirstLookMs, stop)]);
    const enrolled =
      memory.kept().enrolled ?? (await enroll(launch, manager, program, gpus.now(), stop, limits, deps));
    memory.keep({ enrolled });
    const connect = makeConnect(enrolled.github, limits, deps);
    void connect.measure(over.signal);
    const used = await makeUsage(launch.directory);
    const usage = async (): Promise<Usage | null> => {
      const own = await used();
      // For the next report: none waits for what may take seconds, but a change of health is news.
      void gpus.look().then((news) => news && status.touch());
      void connect.measure(over.signal);
      return own && { ...own, gpus: gpus.now(), connect: connect.now() };
    };
    void prepare(serving, enrolled, over.signal);
    // Of another agent's reports none has such a number.
    const sequence = (memory.kept().starts - 1) * 1e6;
    await keepInSync({ manager, enrolled, sequence, status, agent, usage, limits, deps });
    return 0;
  } catch (error) {
    if (stop.aborted) {
      await agent.end(messageOf(stop.reason));
      return 0;
    }
    deps.log("over", { why: messageOf(error) });
    if (!(error instanceof Refused)) return 1;
    await agent.endAfterJob(error.message);
    return 1;
  } finally {
    over.abort(new Error("this machine has ended"));
    stop.removeEventListener("abort", told);
  }
}

async function prepare(
  { launch, status, agent, limits, deps }: Serving,
  enrolled: EnrollResponse,
  signal: AbortSignal,
): Promise<void> {
  const rounds = launch.end === "clean-slot" ? Infinity : limits.downloadRounds;
  const problem = (what: string) => status.set({ problem: what });
  try {
    await agent.prepared(
      await unpackedRunner(enrolled.runner, launch.archives, { rounds, problem, signal, limits, deps }),
    );
  } catch (error) {
    await agent.end("the runner cannot be prepared", messageOf(error));
  }
}
