/**
 * A machine in namespaces of this computer: its own files over the real ones, its own processes, and units.ts in place of
 * systemd. Ends with `stop()`, when it powers off, and with the test that started it; nothing stays.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { cgroupOf } from "./cgroup.ts";
import { powerOffCode } from "./power-off.ts";

const run = promisify(execFile);
const here = import.meta.dirname;
const checkout = join(here, "../..");

/** Where the machine keeps what plays it, on a file system in memory that nobody else sees. */
export const rig = "/media";

export interface MachineOptions {
  /** Stands before the command that makes its namespaces: a network of its own, for instance. */
  under?: readonly string[];
  /** Folders that are the computer's as far as the machine has not written there. */
  over: readonly string[];
  /** Shell lines, as root, once those are there. */
  setUp?: readonly string[];
  /** Name -> shell script of what is played, besides systemd; they come first on PATH. */
  tools?: Readonly<Record<string, string>>;
}

export interface Machine {
  /** Where the machine's files are for the test: `root + "/opt/muster"`. */
  root: string;
  /** Runs inside; resolves with its output. @throws with both streams when it fails */
  inside(command: string, env?: NodeJS.ProcessEnv): Promise<string>;
  /** Calls of `systemctl` and `systemd-run`, without the name. */
  calls(tool: "systemctl" | "systemd-run"): string[];
  /** What a unit said, as `NAME.service.log`; empty when it said nothing. It is there until `stop()`. */
  log(file: string): string;
  /** Resolves when it is off, for whatever reason. */
  off: Promise<void>;
  /** Whether it switched itself off. */
  poweredOff(): boolean;
  stop(): Promise<void>;
}

const units = (tool: string) =>
  `exec ${process.execPath} --no-warnings ${join(here, "systemctl.ts")} ${rig}/systemd.sock ${tool} "$@"`;
let made = 0;

export async function startMachine({
  under = [],
  over,
  setUp = [],
  tools = {},
}: MachineOptions): Promise<Machine> {
  const name = `muster-test-${process.pid}-${++made}`;
  const logs = mkdtempSync(join(tmpdir(), "muster-machine-"));
  const own = { systemctl: units("systemctl"), "systemd-run": units("systemd-run"), ...tools };
  const script = [
    "set -eu",
    `mount -t tmpfs -o mode=755 tmpfs ${rig}`,
    ...over.map((path) => {
      const [upper, work] = [`${rig}/upper${path}`, `${rig}/work${path}`];
      return `mkdir -p ${upper} ${work} && mount -t overlay -o lowerdir=${path},upperdir=${upper},workdir=${work} overlay ${path}`;
    }),
    `mkdir ${rig}/bin ${rig}/logs ${rig}/checkout && mount --bind ${logs} ${rig}/logs`,
    `mount --rbind ${checkout} ${rig}/checkout`,
    ...setUp,
    // A folder of the machine's own, such as /tmp, may hide the checkout, in which is what plays it.
    `[ -e ${here} ] || { mkdir -p ${checkout} && mount --rbind ${rig}/checkout ${checkout}; }`,
    // The first process takes in what others leave behind, as the real one does.
    "exec 3<&0",
    `${process.execPath} --no-warnings ${join(here, "units.ts")} ${rig}/systemd.sock ${rig}/logs ${name} <&3 &`,
    "exec 3<&-",
    "wait $!",
  ].join("\n");
  const namespaces = [
    "--mount",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
    "--propagation",
    "private",
  ];
  const path = `${rig}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
  const [program, ...args] = [...under, "unshare", ...namespaces, "sh", "-c", script];
  const outer: ChildProcess = spawn(program!, args, {
    env: { PATH: path },
    // It ends with its standard input.
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => outer.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: outer.stdout! }).once("line", () => resolve());
    void ended.then(() => reject(new Error("the machine's namespaces could not be made")));
  });
  const pid = readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, "utf8").trim();
  const root = `/proc/${pid}/root`;
  for (const [tool, body] of Object.entries(own)) {
    writeFileSync(`${root}${rig}/bin/${tool}`, `#!/bin/sh\n${body}\n`);
    chmodSync(`${root}${rig}/bin/${tool}`, 0o755);
  }
  const read = (file: string) => {
    try {
      return readFileSync(join(logs, file), "utf8");
    } catch {
      return "";
    }
  };
  const off = ended.then(() => removeGroups(cgroupOf(name)));
  return {
    root,
    inside: async (command, env = {}) => {
      const args = ["--target", pid, "--mount", "--pid", "--net", "--wd=/", "sh", "-c", command];
      const { stdout, stderr } = await run("nsenter", args, { env: { PATH: path, ...env } }).catch(
        (error: Error & { stdout: string; stderr: string }) => {
          throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`);
        },
      );
      return stdout + stderr;
    },
    calls: (tool) => read(`${tool}.log`).split("\n").slice(0, -1),
    log: read,
    off,
    poweredOff: () => outer.exitCode === powerOffCode,
    stop: async () => {
      outer.kill("SIGKILL");
      await off;
      rmSync(logs, { recursive: true, force: true });
    },
  };
}

/** The kernel lets go of the last process a moment after its end. */
async function removeGroups(path: string): Promise<void> {
  const groups = () => {
    try {
      return readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    } catch {
      return null;
    }
  };
  for (let tries = 0; groups() !== null && tries < 500; tries++) {
    try {
      for (const { name } of groups()!) rmdirSync(join(path, name));
      rmdirSync(path);
    } catch {
      await pause(10);
    }
  }
}
