/**
 * A runner machine of AWS as a whole: the rendered document runs with the real sh, curl, tar and useradd, and what it wrote
 * as units runs, too (test/systemd): the agent, the job, the end. Needs root, for users, mounts and control groups.
 */
import { appendFileSync, writeFileSync } from "node:fs";
import { type Machine, rig, startMachine } from "../../systemd/machine.ts";

export interface PlayedMachine extends Machine {
  /** As cloud-init hands the document over at every boot; returns when the boot's unit has been started. */
  boot(document: string): Promise<void>;
}

export interface PlayedOptions {
  id: string;
  /** Goes before the command that makes its namespaces: a network of its own, for instance. */
  under?: readonly string[];
  /** Where its metadata service is; default its own address, 169.254.169.254. */
  metadata?: string;
  /** What the system trusts, as PEM: for downloads. */
  trusted?: string;
}

const noted = (name: string) => `echo "$*" >>${rig}/logs/${name}.log`;

export async function playedMachine({ id, under, metadata, trusted }: PlayedOptions): Promise<PlayedMachine> {
  const fresh = (path: string, mode: string) => `mount -t tmpfs -o mode=${mode} tmpfs ${path}`;
  const machine = await startMachine({
    ...(under ? { under } : {}),
    over: ["/etc", "/opt", "/var/lib", "/home", "/usr/local/share"],
    setUp: [
      fresh("/run", "755"),
      ...["/tmp", "/var/tmp", "/dev/shm"].map((path) => fresh(path, "1777")),
      // Programs of units are named by their whole path.
      `mkdir -p ${rig}/upper/bin ${rig}/work/bin`,
      `mount -t overlay -o lowerdir=/usr/bin,upperdir=${rig}/upper/bin,workdir=${rig}/work/bin overlay /usr/bin`,
      // An overlay of an overlay is as deep as the kernel goes; the job's root lies on this.
      `mkdir /opt/muster && ${fresh("/opt/muster", "755")}`,
      "mkdir -p /etc/sudoers.d && echo nameserver 10.64.0.2 >/etc/resolv.conf",
    ],
    tools: { nft: noted("nft"), swapoff: noted("swapoff"), poweroff: "exec systemctl poweroff" },
  });
  const { root, inside } = machine;
  await inside(`cp ${rig}/bin/systemctl /usr/bin/systemctl`);
  if (trusted !== undefined) appendFileSync(`${root}/etc/ssl/certs/ca-certificates.crt`, `\n${trusted}`);
  return {
    ...machine,
    boot: async (document) => {
      const hook = document
        .replace(/^#cloud-boothook\n/, "")
        .replaceAll("http://169.254.169.254/", `${metadata ?? "http://169.254.169.254"}/`);
      writeFileSync(`${root}${rig}/part-001`, hook, { mode: 0o700 });
      await inside(`${rig}/part-001`, { INSTANCE_ID: id });
    },
  };
}
