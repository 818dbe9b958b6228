/** /proc/PID/comm as the real programs show it; `process.title` would overwrite the command line instead. */
import { writeFileSync } from "node:fs";

export function nameProcess(name: string): void {
  try {
    writeFileSync("/proc/self/comm", name);
  } catch {
    // For people only: without /proc it keeps its name.
  }
}
