/**
 * `node main.ts DIRECTORY`: supervises the manager of this folder. Started by `muster local start` as a session of its
 * own, with an empty environment but for a named list. SIGHUP: look at settings and secrets again. SIGTERM: stop.
 * SIGUSR2: stop and leave the secrets for the next one.
 */
import { closeInheritedFiles } from "../inherited.ts";
import { realClock, wallTime } from "./deps.ts";
import { folder, readRecord, takeSecrets } from "./folder.ts";
import { isAlive } from "./process.ts";
import { stopAndKeepSecrets, Supervisor } from "./supervise.ts";

closeInheritedFiles();
const [directory] = process.argv.slice(2);
if (!directory) throw new Error("usage: node main.ts DIRECTORY");
const paths = folder(directory);

const log = (event: string, detail: Record<string, unknown> = {}) =>
  console.log(JSON.stringify({ time: wallTime(), event, ...detail }));

const other = await readRecord(paths);
if (isAlive(other?.supervisor) && other.supervisor.pid !== process.pid) {
  log("another supervisor is here already", { pid: other.supervisor.pid });
  process.exit(0);
}
const secrets = await takeSecrets(paths);
if (secrets === null) {
  log("there are no secrets to start with", { expected: paths.secrets });
  process.exit(1);
}
const supervisor = new Supervisor(paths, secrets, { clock: realClock, log, env: process.env });
process.on("SIGHUP", () => void supervisor.refresh());
for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => void supervisor.stop());
process.on(stopAndKeepSecrets, () => void supervisor.stop({ keepSecrets: true }));
await supervisor.run();
log("stopped");
process.exit(0);
