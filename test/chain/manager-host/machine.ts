/**
 * The manager's machine in namespaces of this computer: its own /etc, /opt, /run and /var/lib over the real ones, its own
 * processes, the user data run by the real sh and curl. Ends with `stop()`; nothing stays.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);
const here = import.meta.dirname;

export interface Machine {
  /** Where the machine's files are for the test: `root + "/opt/muster"`. */
  root: string;
  /** Runs inside; resolves with its output. @throws with both streams when it fails */
  inside(command: string, env?: NodeJS.ProcessEnv): Promise<string>;
  /** As cloud-init does at every boot, and then the boot unit to its end. */
  boot(userData: string, extra: Readonly<Record<string, string>>): Promise<string>;
  systemctlCalls(): string[];
  log(unit: string): string;
  stop(): Promise<void>;
}

/** Real tools where they touch files; what needs a kernel's devices is played. */
const played = (rig: string): Record<string, string> => ({
  systemctl: `exec ${process.execPath} --no-warnings ${join(here, "systemctl.ts")} ${rig}/systemd.sock "$@"`,
  journalctl: `exec ${process.execPath} --no-warnings ${join(here, "journalctl.ts")} ${rig}/logs "$@"`,
  mountpoint: `[ -e ${rig}/mounted ]`,
  mount: `echo "$*" >>${rig}/mounts && touch ${rig}/mounted`,
  resize2fs: "exit 0",
});

/** @param under stands before the command that makes its namespaces: a network of its own, for instance */
export const startMachine = async (under: readonly string[] = []): Promise<Machine> => {
  const rig = mkdtempSync(join(tmpdir(), "muster-machine-"));
  const script = [
    "set -eu",
    `mount -t tmpfs tmpfs ${rig}`,
    ...["/etc", "/opt", "/run", "/var/lib"].map((path) => {
      const [upper, work] = [`${rig}/upper${path}`, `${rig}/work${path}`];
      return `mkdir -p ${upper} ${work} && mount -t overlay -o lowerdir=${path},upperdir=${upper},workdir=${work} overlay ${path}`;
    }),
    `mkdir ${rig}/bin ${rig}/logs && chmod 755 ${rig} && truncate -s 40M ${rig}/disk`,
    `exec ${process.execPath} --no-warnings ${join(here, "units.ts")} ${rig}/systemd.sock ${rig}/logs`,
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
  const path = `${rig}/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
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
  for (const [name, body] of Object.entries(played(rig))) {
    writeFileSync(`${root}${rig}/bin/${name}`, `#!/bin/sh\n${body}\n`);
    chmodSync(`${root}${rig}/bin/${name}`, 0o755);
  }
  const inside: Machine["inside"] = async (command, env = {}) => {
    const args = ["--target", pid, "--mount", "--pid", "--net", "--wd=/", "sh", "-c", command];
    const { stdout, stderr } = await run("nsenter", args, { env: { PATH: path, ...env } }).catch(
      (error: Error & { stdout: string; stderr: string }) => {
        throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`);
      },
    );
    return stdout + stderr;
  };
  const read = (file: string) => readFileSync(`${root}${rig}/logs/${file}`, "utf8");
  return {
    root,
    inside,
    boot: async (userData, extra) => {
      mkdirSync(`${root}${rig}/cloud`, { recursive: true });
      const [first, ...rest] = userData.split("\n");
      if (first !== "#cloud-boothook") throw new Error(`not a boothook: ${first}`);
      // The unit of the boot is started by the hook; the test wants to see it end.
      const hook = rest.join("\n").replace(/^systemctl --no-block restart muster-boot.service$/m, "");
      writeFileSync(`${root}${rig}/cloud/part-001`, hook, { mode: 0o700 });
      await inside(`${rig}/cloud/part-001`);
      const lines = Object.entries(extra).map(([name, value]) => `${name}='${value}'\n`);
      await inside(`cat >>/etc/muster/host.env`.concat(` <<'END'\n${lines.join("")}END`));
      return inside("set -a && . /etc/muster/host.env && exec /opt/muster/boot.sh");
    },
    systemctlCalls: () => read("systemctl.log").trim().split("\n"),
    log: read,
    stop: async () => {
      outer.kill("SIGKILL");
      await ended;
      rmSync(rig, { recursive: true, force: true });
    },
  };
};

/** The machine's disk, as the user data names a volume that is a device of its own. */
export const diskOf = async (machine: Machine): Promise<string> =>
  (await machine.inside("echo $PATH")).split("/bin:")[0]!.concat("/disk");
