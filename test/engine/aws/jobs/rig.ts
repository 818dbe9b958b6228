/**
 * All of muster at AWS, in which jobs flow: the stack that the real engine made in moto, its manager on its own machine, GitHub's
 * simulator, and a booter that boots what the manager launches. Nothing is open but loopback and one network of namespaces.
 */
import { once } from "node:events";
import { appendFile, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DescribeInstancesCommand, EC2Client, type Instance } from "@aws-sdk/client-ec2";
import type { Limits } from "../../../../agent/manager/limits.ts";
import type { ManagerState } from "../../../../agent/manager/view.ts";
import { makeCertificates } from "../../../certificates/certificates.ts";
import { startAws } from "../../../clouds/aws/aws.ts";
import { startBooter } from "../../../clouds/aws/booter.ts";
import { startNetwork } from "../../../clouds/aws/network.ts";
import { makeSigner } from "../../../clouds/metadata/signer.ts";
import { nodeArchive } from "../../../chain/manager-host/rig.ts";
import { freePort } from "../../project.ts";
import { githubToken, openAwsRig } from "../rig.ts";
import { bootHost } from "./host.ts";
import { openStore } from "./store.ts";

const region = "eu-central-1";
const limitMs = 140_000;

/** As GitHub's own: over TLS, with a certificate that the system trusts. @param from the simulator's address, once it is known */
const startDownloads = async (from: () => string) => {
  const web = await makeCertificates("web");
  const server = createServer({ cert: web.certificate, key: web.key }, (request, response) => {
    void fetch(`${from()}${request.url}`)
      .then((found) => found.arrayBuffer())
      .then((bytes) => response.end(Buffer.from(bytes)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, ca: web.ca, port: (server.address() as AddressInfo).port };
};

/**
 * A manager that has no journal, as the first of a stack, launches nothing until calls of an earlier one can no longer land. In a
 * test they land within seconds.
 */
export const soonSettled: Partial<Limits> = {
  launchTimeoutMs: 10_000,
  unknownSettleMs: 11_000,
  visibilityGraceMs: 4_000,
};

/** Other numbers for the manager that is built from this copy; the relations between them are asserted as ever. */
export const setLimits = (root: string, limits: Partial<Limits>): Promise<void> =>
  appendFile(
    join(root, "agent/manager/limits.ts"),
    `\nObject.assign(defaultLimits, ${JSON.stringify(limits)});\nassertLimits(defaultLimits);\n`,
  );

type Until = (
  what: string,
  holds: (state: ManagerState) => boolean | Promise<boolean>,
) => Promise<ManagerState>;

/** @param pools as the settings name them */
export const openJobs = async (pools: Record<string, unknown>) => {
  let github = "";
  const [signer, downloads, network, port, agentsPort] = await Promise.all([
    makeSigner(),
    startDownloads(() => github),
    startNetwork(),
    freePort(),
    freePort(),
  ]);
  const rig = await openAwsRig({
    stack: "dev",
    settings: {
      "muster:manager": { on: "aws", type: "t4g.nano", port, agentsPort },
      "muster:pools": pools,
      "muster:budget": undefined,
    },
    secrets: { "muster:githubToken": githubToken },
    node: nodeArchive(),
    github: {
      downloads: `https://127.0.0.1:${downloads.port}`,
      // Figures of capacity are heard with the next poll; a runner whose machine is gone never says that its job is over.
      timings: { holdMs: 5_000, cancelMs: 2_000, runnerOfflineMs: 5_000 },
    },
  });
  github = rig.github.url;
  // Nobody but AWS has a key of AWS's: the one thing that is another in this program.
  await writeFile(
    join(rig.root, "agent/manager/identity/aws-certificates.ts"),
    `export type RegionCertificate = { sha256: string; der: string };
export type RegionCertificates = Readonly<Record<string, RegionCertificate>>;
export const awsCertificates: RegionCertificates = ${JSON.stringify({ [region]: signer.certificate })};\n`,
  );
  await setLimits(rig.root, soonSettled);
  const manager = String((await rig.up())["manager"]);
  const aws = await startAws({ moto: rig.moto });
  const ec2 = new EC2Client({
    ...{ region, endpoint: aws.url },
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const store = openStore(aws.url, region);
  const shared = { region, network, signer };
  const relays = [Number(new URL(github).port)];
  const host = await bootHost({ ...shared, instance: manager, aws: aws.url, relays });
  const booter = startBooter({
    ...{ ...shared, aws, systemCa: downloads.ca },
    relays: [...relays, downloads.port],
  });
  booter.adopt(manager, host);

  const complain = (what: string, state: ManagerState | null) => {
    const { control } = rig.github;
    const parts = [
      control
        .jobs()
        .map(({ name, phase, conclusion, runnerName }) => ({ name, phase, conclusion, runnerName })),
      control.runners().map(({ name, status, busy }) => ({ name, status, busy })),
      state?.pools.map(({ name, waiting, machines, reasons }) => ({ name, waiting, machines, reasons })),
      state?.machines.map(({ id, stage, job, problem }) => ({ id, stage, job, problem })),
      booter.events,
    ].map((part) => JSON.stringify(part));
    return new Error([what, ...parts, booter.said()].join("\n---\n"));
  };
  const until: Until = async (what, holds) => {
    const untilMs = performance.now() + limitMs;
    for (;;) {
      const state = await host.state().catch(() => null);
      if (state && (await holds(state))) return state;
      if (performance.now() > untilMs) throw complain(`${what}: not within ${limitMs / 1_000} s`, state);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  /** Instances that AWS calls pending or running, but the manager. */
  const alive = async (): Promise<Instance[]> => {
    const Filters = [{ Name: "instance-state-name", Values: ["pending", "running"] }];
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ Filters }));
    const all = Reservations.flatMap(({ Instances = [] }) => Instances);
    return all.filter(({ InstanceId }) => InstanceId !== manager);
  };
  const jobs = {
    rig,
    aws,
    store,
    host,
    booter,
    github: rig.github,
    alive,
    /** Resolves once it holds of the manager's state. */
    until,
    /** The run has come to its end, and all of its jobs well. */
    done: async (run: number): Promise<void> => {
      const { control } = rig.github;
      const state = await until("the run is over", () => control.run(run).conclusion !== null);
      if (control.run(run).conclusion !== "success") throw complain(`a job of the run ${run} failed`, state);
    },
    /** No machine at AWS, no record at GitHub, none that the manager believes in. */
    nothingLeft: async (): Promise<void> => {
      await until(
        "no machine is left",
        async ({ machines }) => machines.length === 0 && (await alive()).length === 0,
      );
      await until("every machine is off", () => booter.running().every((id) => id === manager));
      await until("no record is left at GitHub", () => rig.github.control.runners().length === 0);
    },
    close: async () => {
      await booter.stop();
      await host.stop();
      await network.stop();
      downloads.server.closeAllConnections();
      downloads.server.close();
      ec2.destroy();
      store.close();
      await aws.close();
      await rig.close();
    },
  };
  return jobs;
};
export type Jobs = Awaited<ReturnType<typeof openJobs>>;
