/**
 * A machine to boot: the rendered document runs with the real sh, curl, tar and sha256sum, in a mount namespace in which
 * everything that it writes lies in one folder. What would change the computer is a recorder on PATH instead.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const machineId = "i-0123456789abcdef0";

const record = 'echo "${0##*/} $*" >>"$MUSTER_CALLS"';
const recorders: Record<string, string> = {
  systemctl: record,
  nft: record,
  usermod: record,
  swapoff: record,
  poweroff: record,
  chown: record,
  useradd: `${record}; for name; do :; done; echo "$name:x:99:99::/:/bin/sh" >>/etc/passwd`,
  // The boot itself runs at once and to its end; timers only are noted.
  "systemd-run": `${record}; case "$*" in *on-active*) exit;; esac; while [ "$1" != /bin/sh ]; do shift; done; exec "$@"`,
  // Between two rounds: after so many the boot is given up.
  sleep: `${record}; [ "$(grep -c '^sleep' "$MUSTER_CALLS")" -lt "$MUSTER_ROUNDS" ] || kill $PPID`,
};

export interface Running {
  /** Rejects when it ends with an error. */
  ended: Promise<void>;
  kill(): void;
}

/** What muster-agent.service does. */
const agentUnit = [
  "cp /etc/muster/launch.json /run/muster/launch.json",
  "PATH=/opt/muster/bin:$PATH exec /opt/muster/runner/externals/node24/bin/node /opt/muster/agent.mjs /run/muster/launch.json",
].join(" && ");

export interface Machine {
  /** Boots with the document; resolves when the boot has come to its end or was given up after `rounds`. */
  boot(document: string, rounds?: number): Promise<void>;
  /** Runs a command on it. */
  run(...command: string[]): Promise<void>;
  /** Starts the agent as its unit does. */
  agent(): Running;
  /** Calls of what was replaced, such as `systemctl daemon-reload`; taken, so that the next are those of the next boot. */
  calls(): string[];
  read(path: string): string;
  /** Permissions of a file. */
  mode(path: string): number;
  /** @param owner the user's number; default whoever runs the test */
  write(path: string, text: string, owner?: number): void;
  remove(): void;
}

const copied = ["passwd", "group", "hosts", "nsswitch.conf", "ld.so.cache", "ssl/openssl.cnf"];

/**
 * @param env for the boot, such as CURL_CA_BUNDLE for the certificates of the system
 * @param metadata where its metadata service is, which on a real one has an address of its own
 */
export function makeMachine(env: Record<string, string>, metadata: string): Machine {
  const root = mkdtempSync(join(tmpdir(), "muster-machine-"));
  const at = (path: string) => join(root, path);
  for (const folder of [
    "opt",
    "run",
    "etc/ssl/certs",
    "etc/sudoers.d",
    "var/lib",
    "var/spool",
    "usr/local/share",
    "dev",
    "bin",
    "etc/alternatives",
  ])
    mkdirSync(at(folder), { recursive: true });
  for (const name of copied) {
    try {
      writeFileSync(at(`etc/${name}`), readFileSync(`/etc/${name}`));
    } catch {
      // Not every system has each of them.
    }
  }
  writeFileSync(at("etc/resolv.conf"), "nameserver 10.64.0.2\nnameserver 127.0.0.53\n");
  for (const name of ["null", "urandom", "console"]) writeFileSync(at(`dev/${name}`), "");
  for (const [name, script] of Object.entries(recorders)) {
    writeFileSync(at(`bin/${name}`), `#!/bin/sh\n${script}\n`);
    chmodSync(at(`bin/${name}`), 0o755);
  }
  writeFileSync(at("calls"), "");

  const start = (command: readonly string[], rounds: number): Running => {
    const mounts = ["opt", "run", "etc", "var/lib", "var/spool", "usr/local/share", "dev"];
    const script = [
      "set -e",
      ...["null", "urandom"].map((name) => `mount --bind /dev/${name} ${at(`dev/${name}`)}`),
      // Debian's awk is a link through it.
      `[ ! -d /etc/alternatives ] || mount --bind /etc/alternatives ${at("etc/alternatives")}`,
      ...mounts.map((name) => `mount --rbind ${at(name)} /${name}`),
      'exec "$@"',
    ].join("\n");
    const own = process.getuid?.() === 0 ? [] : ["--map-root-user"];
    const child = spawn("unshare", ["--mount", ...own, "sh", "-c", script, "sh", ...command], {
      env: {
        PATH: `${at("bin")}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
        INSTANCE_ID: machineId,
        MUSTER_CALLS: at("calls"),
        MUSTER_ROUNDS: String(rounds),
        ...env,
      },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (part: Buffer) => (said += part.toString()));
    const ended = once(child, "close").then(([code]: (number | null)[]) => {
      if (code !== 0 && code !== null && code !== 143)
        throw new Error(`${command.join(" ")} ended with ${code}: ${said}`);
    });
    return { ended, kill: () => void child.kill("SIGKILL") };
  };
  const inside = (command: readonly string[], rounds: number) => start(command, rounds).ended;

  return {
    boot: async (document, rounds = 1) => {
      // As cloud-init hands it over.
      const body = document
        .replace(/^#cloud-boothook\n/, "")
        .replaceAll("http://169.254.169.254/", `${metadata}/`);
      writeFileSync(at("part-001"), body, { mode: 0o700 });
      await inside([at("part-001")], rounds);
    },
    run: (...command) => inside(command, 1),
    agent: () => start(["/bin/sh", "-c", agentUnit], 1),
    calls: () => {
      const lines = readFileSync(at("calls"), "utf8").split("\n").slice(0, -1);
      writeFileSync(at("calls"), "");
      return lines;
    },
    read: (path) => readFileSync(at(path), "utf8"),
    mode: (path) => statSync(at(path)).mode & 0o777,
    write: (path, text, owner) => {
      mkdirSync(dirname(at(path)), { recursive: true });
      writeFileSync(at(path), text);
      if (owner !== undefined) chownSync(at(path), owner, owner);
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
