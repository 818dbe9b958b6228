/**
 * The manager's machine in namespaces of this computer: its own /etc, /opt, /run and /var/lib over the real ones, its own
 * processes, the user data run by the real sh and curl. Ends with `stop()`; nothing stays.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Machine as Played, rig, startMachine as startPlayed } from "../../systemd/machine.ts";

export interface Machine extends Pick<Played, "root" | "inside" | "stop" | "log" | "off" | "poweredOff"> {
  /** As cloud-init does at every boot, and then the boot unit to its end. */
  boot(userData: string, extra: Readonly<Record<string, string>>): Promise<string>;
}

/** Real tools where they touch files; what needs a kernel's devices is played. */
const tools = {
  journalctl: `exec ${process.execPath} --no-warnings ${join(import.meta.dirname, "journalctl.ts")} ${rig}/logs "$@"`,
  mountpoint: `[ -e ${rig}/mounted ]`,
  mount: `echo "$*" >>${rig}/mounts && touch ${rig}/mounted`,
  resize2fs: "exit 0",
};

/** @param under stands before the command that makes its namespaces: a network of its own, for instance */
export const startMachine = async (under: readonly string[] = []): Promise<Machine> => {
  const machine = await startPlayed({
    under,
    over: ["/etc", "/opt", "/run", "/var/lib"],
    setUp: [`truncate -s 40M ${disk}`],
    tools,
  });
  const { root, inside } = machine;
  return {
    ...machine,
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
  };
};

/** The machine's disk, as the user data names a volume that is a device of its own. */
export const disk = `${rig}/disk`;
