/**
 * A runner archive with the real layout whose Listener is a shell that runs its JIT config: each test writes what the
 * Listener shall print and do.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const listener = `#!/bin/sh
echo "$0 $*" > listener.argv
printf %s "$ACTIONS_RUNNER_INPUT_JITCONFIG" | base64 -d > .credentials
exec sh .credentials
`;

/** Packs the archive below `directory`. */
export function packFakeRunner(directory: string): { file: string; sha256: string } {
  const root = join(directory, "layout");
  const file = (path: string, text: string, mode = 0o644) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    chmodSync(join(root, path), mode);
  };
  file("run.sh", "#!/bin/sh\nexit 1\n", 0o755);
  file("bin/Runner.Listener", listener, 0o755);
  file("bin/Runner.Listener.dll", "not a program\n");
  file("externals/node24/bin/node", "#!/bin/sh\necho v24.0.0\n", 0o755);
  file("externals/node24/lib/npm.js", "// npm\n");
  symlinkSync("../lib/npm.js", join(root, "externals/node24/bin/npm"));
  const archive = join(directory, "runner.tar.gz");
  execFileSync("tar", ["-czf", archive, "-C", root, "."]);
  return { file: archive, sha256: createHash("sha256").update(readFileSync(archive)).digest("hex") };
}

/** A JIT config that makes the Listener run these lines. */
export const scripted = (...lines: string[]): string =>
  Buffer.from(`${lines.join("\n")}\n`).toString("base64");

const time = "2026-11-24 00:00:00Z: ";
export const says = {
  listening: `echo "${time}Listening for Jobs"`,
  running: (job: string) => `echo "${time}Running job: ${job}"`,
  completed: (job: string, result = "Succeeded") =>
    `echo "${time}Job ${job} completed with result: ${result}"`,
  /** Waits until the test makes the file. */
  until: (file: string) => `while [ ! -e "${file}" ]; do sleep 0.02; done`,
  /** Listens until SIGINT, then ends with code 0, as the real one when idle. */
  idle: `trap 'exit 0' INT TERM\necho "${time}Listening for Jobs"\nwhile :; do sleep 0.02; done`,
};

/** Listens, runs one job at once, ends. */
export const oneJob = (job: string, ...steps: string[]): string =>
  scripted(says.listening, says.running(job), ...steps, says.completed(job), "exit 0");
