/** The GitHub simulator as a process of its own: started, asked and ended by `npm start`. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { identify, isAlive, signal, type ProcessId } from "../../agent/supervisor/process.ts";
import { StartError, tail } from "./errors.ts";
import { until } from "./wait.ts";

const greeting = z.object({ url: z.string(), repositoryUrl: z.string(), token: z.string() });

export interface Simulator extends z.infer<typeof greeting> {
  process: ProcessId;
}

/** Without a request for so long it ends by itself: nobody is left who could end it. */
const idleExitSeconds = 120;
const startLimitMs = 20_000;
const endLimitMs = 5_000;

const readGreeting = async (file: string): Promise<z.infer<typeof greeting> | null> => {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.endsWith("\n") ? greeting.parse(JSON.parse(text)) : null;
};

const spawnSimulator = (root: string, urlFile: string, log: string) => {
  const stream = openSync(log, "w", 0o600);
  const where = ["--port", "0", "--workspace", root, "--url-file", urlFile];
  const args = [join(root, "test/github/main.ts"), ...where, "--idle-exit", String(idleExitSeconds)];
  // A session of its own: Ctrl-C ends the stack first, which still needs it.
  const child = spawn(process.execPath, args, {
    cwd: root,
    stdio: ["ignore", "ignore", stream],
    detached: true,
  });
  closeSync(stream);
  child.unref();
  return child;
};

/**
 * Starts it for the checkout at `root`; returns when it listens.
 * @param started told of the process as soon as there is one, to be written down
 * @throws StartError with the end of its log when it does not come up
 */
export const startSimulator = async (
  root: string,
  started: (id: ProcessId) => Promise<void>,
): Promise<Simulator> => {
  const folder = join(root, ".muster/simulator");
  const [urlFile, log] = [join(folder, "url.json"), join(folder, "simulator.log")];
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await rm(urlFile, { force: true });
  const child = spawnSimulator(root, urlFile, log);
  const failed = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code) => resolve(`it ended with exit code ${code ?? "of a signal"}`));
  });
  const id = child.pid === undefined ? null : identify(child.pid);
  if (id !== null) await started(id);
  const found = await Promise.race([until(() => readGreeting(urlFile), startLimitMs), failed]);
  await rm(urlFile, { force: true });
  if (found !== null && typeof found !== "string" && id !== null) return { ...found, process: id };
  if (id !== null) signal(id, "SIGKILL");
  const why = typeof found === "string" ? found : `it said nothing within ${startLimitMs / 1000} s`;
  throw new StartError(`the GitHub simulator did not start: ${why}.`, {
    cure: '"npm run github -- --port 0" shows what it says.',
    log: await tail(log),
  });
};

/** Ends it; what is gone already is fine. Resolves when it is gone. */
export const endSimulator = async (id: ProcessId): Promise<void> => {
  for (const name of ["SIGTERM", "SIGKILL"] as const) {
    if (!signal(id, name)) return;
    if (await until(() => Promise.resolve(isAlive(id) ? null : true), endLimitMs)) return;
  }
};
