/** The runner agent: `node runner.mjs LAUNCH-FILE`. Serves one machine until it is told to end. */
import { closeInheritedFiles } from "../inherited.ts";
import { realDeps } from "./deps.ts";
import { messageOf } from "./errors.ts";
import { defaultLimits } from "./limits.ts";
import { runAgent } from "./run.ts";

closeInheritedFiles();
const deps = realDeps();
const stop = new AbortController();
for (const name of ["SIGTERM", "SIGINT"] as const)
  process.on(name, () => stop.abort(new Error(`told to stop by ${name}`)));

const [, program, file] = process.argv;
if (program === undefined || file === undefined) {
  console.error("usage: node runner.mjs LAUNCH-FILE (protocol.ts, LaunchFile, says what is in it)");
  process.exit(2);
}
// What is still under way then (a clean-up that nobody needs any more) ends with the process.
process.exit(
  await runAgent(file, program, stop.signal, defaultLimits, deps).catch((error: unknown) => {
    deps.log("failed", { why: messageOf(error) });
    return 1;
  }),
);
