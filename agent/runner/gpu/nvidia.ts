/** NVIDIA's graphics processors as its own tool shows them: what nvidia-smi answers for works. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Gpu } from "../../protocol.ts";
import type { Clock } from "../deps.ts";
import { namesIn, type Places } from "./pci.ts";

export interface Smi {
  /** Exit code; null when it was ended by a signal or never started. */
  code: number | null;
  /** What it wrote, to both sides together. */
  output: string;
  /** Why there is no answer at all; null when there is one. */
  problem: string | null;
}
/** Runs nvidia-smi once; what goes wrong is in the answer. */
export type AskSmi = () => Promise<Smi>;

export const query = [
  "--query-gpu=index,name,memory.total,memory.used,utilization.gpu,temperature.gpu," +
    "ecc.errors.uncorrected.volatile.total,compute_mode,driver_version",
  "--format=csv,noheader,nounits",
];
const columns = 9;
const outputMax = 64 * 1024;

/**
 * A driver that hangs makes nvidia-smi hang in the kernel, where no signal reaches it: after the limit it is left behind,
 * and no other one is started until it is gone.
 */
export function makeAskSmi(env: NodeJS.ProcessEnv, limitMs: number, clock: Clock): AskSmi {
  let left = false;
  return () => {
    if (left) return Promise.resolve(silent("nvidia-smi hangs: the driver does not answer"));
    return new Promise((resolve) => {
      // Neither the machine's id nor its folder: it is no process of a job, and must not be cleaned up as one.
      const child = spawn("nvidia-smi", query, {
        cwd: "/",
        env: { PATH: env["PATH"] ?? "", LC_ALL: "C" },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      const hear = (part: Buffer) => void (output = (output + part.toString()).slice(0, outputMax));
      child.stdout.on("data", hear);
      child.stderr.on("data", hear);
      const cancel = clock.after(limitMs, () => {
        left = true;
        child.kill("SIGKILL");
        child.unref();
        for (const stream of [child.stdout, child.stderr]) stream.destroy();
        resolve(silent(`nvidia-smi did not answer within ${limitMs / 1_000} s`));
      });
      child.once("error", (error: NodeJS.ErrnoException) => {
        cancel();
        const missing = error.code === "ENOENT";
        const cure = "nvidia-smi is not there: install the driver and its tools";
        resolve(silent(missing ? cure : `nvidia-smi cannot be started: ${error.message}`));
      });
      child.once("exit", () => (left = false));
      child.once("close", (code) => {
        cancel();
        resolve({ code, output, problem: null });
      });
    });
  };
}
const silent = (problem: string): Smi => ({ code: null, output: "", problem });

export interface Asked {
  gpus: Gpu[];
  /** Uncorrected memory errors by index; null where that memory does not count them. */
  errors: (number | null)[];
}

/**
 * One entry for each row, and one that failed for each device of the bus that has none.
 *
 * @param onBus how many the PCI bus shows; 0 where it cannot be seen (a container, WSL)
 */
export function readSmi({ code, output, problem }: Smi, onBus: number, hasNode: boolean): Asked {
  const rows: Gpu[] = [];
  const errors: (number | null)[] = [];
  let complaint = problem;
  for (const line of output.split("\n")) {
    if (line.trim() === "") continue;
    const cells = line.split(",").map((cell) => cell.trim());
    if (cells.length !== columns || !/^\d{1,3}$/.test(cells[0]!)) {
      complaint ??= `nvidia-smi says: ${line.trim().slice(0, 180)}`;
      continue;
    }
    rows.push(row(cells, hasNode));
    errors.push(figure(cells[6]!));
  }
  if (rows.length > 16) rows.length = errors.length = 16;
  if (code !== 0) complaint ??= `nvidia-smi ended with ${code === null ? "a signal" : `exit code ${code}`}`;
  const missing = Math.min(16, onBus) - rows.length;
  const why = complaint ?? `nvidia-smi shows ${rows.length} of ${onBus} on the bus`;
  for (let left = missing; left > 0; left--) rows.push(unknown(why));
  // It failed although it named them all: nobody knows for which.
  if (code !== 0 && missing <= 0) for (const gpu of rows) fail(gpu, why);
  return { gpus: rows, errors };
}

function row(cells: readonly string[], hasNode: boolean): Gpu {
  const [, model, total, used, utilization, temperature, , mode, driver] = cells as [string, ...string[]];
  const gpu: Gpu = {
    vendor: "nvidia",
    model: (model ?? "").slice(0, 200) || "NVIDIA",
    driver: (driver ?? "").slice(0, 40) || null,
    health: "ok",
    problem: null,
    memoryMb: figure(total!),
    memoryUsedMb: figure(used!),
    utilizationPercent: figure(utilization!),
    temperatureC: figure(temperature!),
  };
  // As it words a device that fell off the bus or hangs, in whatever column.
  const broken = cells.find((cell) => /requires reset|is lost|unknown error|^err!$/i.test(cell));
  if (broken !== undefined) fail(gpu, `nvidia-smi says: ${broken.slice(0, 100)}`);
  else if (/^prohibited$/i.test(mode ?? "")) fail(gpu, "its compute mode is Prohibited: nothing may use it");
  else if (!hasNode) fail(gpu, "there is no device for it in /dev");
  return gpu;
}

/** `[N/A]` and `[Not Supported]` are no figures. */
const figure = (text: string): number | null => (/^\d{1,9}(\.\d+)?$/.test(text) ? Number(text) : null);

export function fail(gpu: Gpu, problem: string): void {
  if (gpu.health === "failed") return;
  gpu.health = "failed";
  gpu.problem = problem.slice(0, 256);
}

export const unknown = (problem: string | null): Gpu => ({
  vendor: "nvidia",
  model: "NVIDIA",
  driver: null,
  health: problem === null ? "checking" : "failed",
  problem: problem === null ? null : problem.slice(0, 256),
  memoryMb: null,
  memoryUsedMb: null,
  utilizationPercent: null,
  temperatureC: null,
});

/** The driver's devices, or the one of Windows' Linux. */
export const hasNvidiaNode = ({ dev }: Places): boolean =>
  namesIn(dev).some((name) => /^nvidia\d+$/.test(name) || name === "dxg");

/** Something speaks for an NVIDIA device although the bus shows none. */
export const mayHaveNvidia = (places: Places): boolean =>
  hasNvidiaNode(places) || namesIn(join(places.sys, "module/nvidia")).length > 0;
