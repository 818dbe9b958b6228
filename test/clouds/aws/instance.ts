/** One instance of EC2 as a machine of this computer: its address on the network, its metadata service, its boot, its units. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Instance } from "@aws-sdk/client-ec2";
import { rig, startMachine } from "../../systemd/machine.ts";
import { makeMetadata } from "../metadata/metadata.ts";
import { documentOf, type Signer } from "../metadata/signer.ts";
import { account } from "./faults.ts";
import { metadataAddress, type Network } from "./network.ts";

export interface InstanceOptions {
  instance: Instance;
  /** As EC2 hands it to cloud-init. */
  userData: string;
  network: Network;
  /** Signs its identity document. */
  signer: Signer;
  /** Ports of this computer's loopback that are the internet for it. */
  relays: readonly number[];
  /** PEM; certificates that its system trusts. */
  systemCa: string;
  /** Its agent reaches nobody on the network. */
  mute: boolean;
}

export interface RunningInstance {
  /** Resolves when it is off; true: by itself. */
  off: Promise<boolean>;
  /** What its boot and its agent said so far; once it is off, until it was last asked. */
  said(): string;
  /** Switches it off, if it is not, and takes it off the network. */
  stop(): Promise<void>;
}

/** Where the system's certificates are, on Debian and on Amazon Linux. */
const caFiles = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

const setUp = [
  // In memory, as on the real ones; and a place for a job's files is no overlay on an overlay on an overlay.
  "mount -t tmpfs -o mode=755 tmpfs /run",
  "mkdir -p /opt/muster && mount -t tmpfs -o mode=755 tmpfs /opt/muster",
  // Every image has sudo.
  "mkdir -p /etc/sudoers.d",
  // Of this computer, which is not to hear of it.
  "[ ! -e /dev/console ] || mount --bind /dev/null /dev/console",
];
/** What would change the computer, or is not everywhere. */
const tools = { nft: "exit 0", swapoff: "exit 0", poweroff: "exec systemctl poweroff" };

const iso = (at: Date) => at.toISOString().replace(/\.\d+Z$/, "Z");

export const startInstance = async (options: InstanceOptions): Promise<RunningInstance> => {
  const { instance, userData, network, signer, relays, systemCa, mute } = options;
  const id = instance.InstanceId!;
  const privateIp = instance.PrivateIpAddress!;
  const zone = instance.Placement!.AvailabilityZone!;
  const document = documentOf({
    ...{ accountId: account, region: zone.slice(0, -1), instanceId: id, privateIp },
    pendingTime: iso(instance.LaunchTime!),
  });
  const metadata = makeMetadata(
    signer.sign({ ...document, availabilityZone: zone, instanceType: instance.InstanceType }),
  );

  const port = await network.plug(id, privateIp);
  await port.listen(metadataAddress, 80, (socket) => void metadata.server.emit("connection", socket));
  for (const relay of relays) await port.relay(relay);
  const machine = await startMachine({
    ...{ under: port.under, setUp, tools },
    over: ["/etc", "/home", "/opt", "/usr/local/share", "/var/lib"],
  });
  for (const file of caFiles.filter((path, n) => n === 0 || existsSync(path))) {
    mkdirSync(dirname(machine.root + file), { recursive: true });
    appendFileSync(machine.root + file, `\n${systemCa}`);
  }
  if (mute) {
    const uid = (await machine.inside("useradd --system muster && id -u muster")).trim();
    await port.ip("rule", "add", "uidrange", `${uid}-${uid}`, "to", "10.0.0.0/8", "unreachable");
  }

  let bootSaid = "";
  const said = () => {
    const inside = `${machine.root}/run/muster-boot/log`;
    if (existsSync(inside)) bootSaid = readFileSync(inside, "utf8");
    return [bootSaid, machine.log("muster-agent.service.log"), machine.log("failed.log")].join("\n");
  };
  let unplugged: Promise<void> | null = null;
  const off = machine.off.then(() => machine.poweredOff());
  // As cloud-init does, which waits for nothing that it starts.
  writeFileSync(`${machine.root}${rig}/part-001`, userData.replace(/^#cloud-boothook\n/, ""), {
    mode: 0o700,
  });
  await machine.inside(`${rig}/part-001`, { INSTANCE_ID: id }).catch((error: unknown) => {
    bootSaid = String(error);
  });
  return {
    off,
    said,
    stop: async () => {
      said();
      await machine.stop();
      await (unplugged ??= port.unplug());
    },
  };
};
