/** The manager's machine of a stack that the engine made: on the network at its own address, booted with its own user data. */
import { DescribeInstanceAttributeCommand, DescribeInstancesCommand, EC2Client } from "@aws-sdk/client-ec2";
import type { ManagerState } from "../../../../agent/manager/view.ts";
import { readControl } from "../../../../agent/supervisor/control.ts";
import { disk, startMachine } from "../../../chain/manager-host/machine.ts";
import { hastyLimits } from "../../../chain/manager-host/rig.ts";
import { metadataAddress, type Network } from "../../../clouds/aws/network.ts";
import { makeMetadata, testRole } from "../../../clouds/metadata/metadata.ts";
import { documentOf, type Signer } from "../../../clouds/metadata/signer.ts";
import { motoAccount } from "../../../clouds/moto.ts";
import { hostPaths } from "../../../../agent/manager-host.ts";

export interface HostOptions {
  /** Of the manager. */
  instance: string;
  region: string;
  /** AWS's port of loopback. */
  aws: string;
  network: Network;
  signer: Signer;
  /** Ports of loopback that are the internet for it. */
  relays: readonly number[];
}

export const bootHost = async ({ instance, region, aws, network, signer, relays }: HostOptions) => {
  const ec2 = new EC2Client({
    region,
    endpoint: aws,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [instance] }));
  const privateIp = Reservations![0]!.Instances![0]!.PrivateIpAddress!;
  const ask = new DescribeInstanceAttributeCommand({ InstanceId: instance, Attribute: "userData" });
  const userData = Buffer.from((await ec2.send(ask)).UserData!.Value!, "base64").toString();
  ec2.destroy();
  const pendingTime = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const said = { accountId: motoAccount, region, instanceId: instance, privateIp, pendingTime };
  const metadata = makeMetadata(signer.sign(documentOf(said)), testRole);
  const port = await network.plug(instance, privateIp);
  await port.listen(metadataAddress, 80, (socket) => void metadata.server.emit("connection", socket));
  for (const relay of [Number(new URL(aws).port), ...relays]) await port.relay(relay);

  const machine = await startMachine(port.under);
  await machine.boot(userData, {
    AWS_ENDPOINT_URL: aws,
    MUSTER_VOLUME: disk,
    MUSTER_UPDATER_LIMITS: JSON.stringify(hastyLimits),
  });
  const socket = `${machine.root}${hostPaths.run}/control.sock`;
  return {
    machine,
    state: async (): Promise<ManagerState> =>
      JSON.parse((await readControl(socket, "/control/state", 10_000)).body) as ManagerState,
    off: machine.off.then(() => machine.poweredOff()),
    said: () =>
      ["muster-manager", "muster-updater"].map((unit) => machine.log(`${unit}.service.log`)).join("\n"),
    stop: () => machine.stop(),
  };
};
export type JobsHost = Awaited<ReturnType<typeof bootHost>>;
