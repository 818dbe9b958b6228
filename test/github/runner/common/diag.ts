/** `_diag/Runner_20260101-000000-utc.log` and `Worker_...`: what went on, for people. */
import { appendFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";

export interface Diag {
  info(message: string): void;
  error(message: string): void;
}

/** Lines are `[2026-01-01 00:00:00Z INFO Runner] message`; `filter` takes secrets out. */
export function openDiag(
  root: string,
  name: "Runner" | "Worker",
  deps: { now: () => number; print: (line: string) => void },
  filter: (line: string) => string = (line) => line,
): Diag {
  const directory = join(root, "_diag");
  mkdirSync(directory, { recursive: true });
  const time = () => new Date(deps.now()).toISOString().slice(0, 19).replace("T", " ");
  const stamp = time().replaceAll(/[-:]/g, "").replace(" ", "-");
  const file = join(directory, `${name}_${stamp}-utc.log`);
  // Documented switch of the real runner: the diag log also goes to stdout.
  const printed = process.env["ACTIONS_RUNNER_PRINT_LOG_TO_STDOUT"];
  const write = (level: string) => (message: string) => {
    const tag = name === "Worker" ? "WORKER" : "RUNNER";
    const line = filter(message);
    appendFileSync(file, `[${time()}Z ${level} ${name}] ${line}\n`, { mode: 0o600 });
    if (printed === "1" || printed === "true") deps.print(`[${tag} ${time()}Z ${level} ${name}] ${line}`);
  };
  return { info: write("INFO"), error: write("ERR ") };
}
