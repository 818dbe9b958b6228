/** A whole manager's machine for a test file: AWS, GitHub and the machine itself, with the object of a small stack. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ManagerConfig, PoolConfig } from "../../../agent/manager-config.ts";
import { fileKey, hostPaths, type HostStatus } from "../../../agent/manager-host.ts";
import type { ManagerState } from "../../../agent/manager/view.ts";
import { managerUserData } from "../../../cloud-init/manager.ts";
import { bundle } from "../../../infra/bundle.ts";
import { config as testConfig } from "../../agent/manager/worlds.ts";
import { startMetadata, testRole } from "../../clouds/metadata/metadata.ts";
import { startMoto } from "../../clouds/moto.ts";
import { freePort } from "../../engine/project.ts";
import { startGitHub } from "../../github/server.ts";
import { bucket, logGroup, makeCloud, parameterPrefix, type Programs, programsOf } from "./cloud.ts";
import { disk, startMachine } from "./machine.ts";

/** Times of the updater for a test. */
export const hastyLimits = {
  watchMs: 200,
  probeMs: 50,
  redMs: 3_000,
  steadyMs: 400,
  secretsMs: 1_000,
  statusMs: 500,
  logsMs: 1_000,
};

/** npm's archive of Node, with this computer's behind it. */
export const nodeArchive = (): Buffer => {
  const folder = mkdtempSync(join(tmpdir(), "muster-node-"));
  try {
    mkdirSync(join(folder, "package/bin"), { recursive: true });
    const script = `#!/bin/sh\nexec ${process.execPath} "$@"\n`;
    writeFileSync(join(folder, "package/bin/node"), script, { mode: 0o755 });
    execFileSync("tar", ["-czf", "node.tgz", "package"], { cwd: folder });
    return readFileSync(join(folder, "node.tgz"));
  } finally {
    rmSync(folder, { recursive: true });
  }
};

export const startHost = async () => {
  const [moto, metadata, github, machine, port] = await Promise.all([
    startMoto(),
    startMetadata(404, testRole),
    startGitHub(),
    startMachine(),
    freePort(),
  ]);
  const cloud = await makeCloud(moto.url);
  const node = nodeArchive();
  const nodeSha512 = createHash("sha512").update(node).digest("hex");
  const integrity = `sha512-${Buffer.from(nodeSha512, "hex").toString("base64")}`;
  await cloud.put(fileKey(nodeSha512, "node.tgz"), node);
  await cloud.secret(github.token);
  await cloud.makeLogGroup();
  const programs = programsOf(
    await bundle(join(import.meta.dirname, "../../.."), ["manager", "runner", "updater"], () => {}),
  );
  const userData = managerUserData({
    stack: { project: "muster", name: "test" },
    region: "eu-central-1",
    bucket,
    parameterPrefix,
    logGroup,
    node: { url: "http://127.0.0.1:1/node.tgz", integrity, key: fileKey(nodeSha512, "node.tgz") },
    volume: disk,
    proxy: null,
    extraCa: null,
  });

  const config = (pool: Partial<PoolConfig> = {}): ManagerConfig => {
    const base = testConfig({ default: { max: 2, ...pool } });
    return {
      ...base,
      github: { url: github.repositoryUrl, login: { kind: "token" }, source: "auto" },
      manager: {
        ...base.manager,
        port,
        directory: hostPaths.data,
        socket: `${hostPaths.run}/control.sock`,
      },
    };
  };
  const get = async <T>(path: string) => (await (await fetch(`http://127.0.0.1:${port}${path}`)).json()) as T;
  const until = async <T>(what: string, look: () => Promise<T | false | null>): Promise<T> => {
    const untilMs = performance.now() + 30_000;
    for (;;) {
      const found = await look().catch(() => null);
      if (found) return found;
      if (performance.now() > untilMs) {
        const logs = ["muster-updater.service.log", "muster-manager.service.log"].map((name) =>
          machine.log(name).split("\n").slice(-15).join("\n"),
        );
        const status = JSON.stringify(await cloud.status());
        throw new Error(`${what}: not within 30 s. Status: ${status}\n${logs.join("\n---\n")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return {
    cloud,
    machine,
    config,
    /** As built from the sources. */
    programs,
    until,
    boot: () =>
      machine.boot(userData, {
        AWS_ENDPOINT_URL: moto.url,
        AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
        MUSTER_UPDATER_LIMITS: JSON.stringify(hastyLimits),
      }),
    health: () => get<{ pid: number; managerBundle: string; ok: boolean }>("/healthz"),
    state: () => get<ManagerState>("/api/state"),
    /** The status once it holds. */
    status: (what: string, holds: (status: HostStatus) => boolean) =>
      until(what, async () => {
        const found = await cloud.status();
        return found !== null && holds(found) && found;
      }),
    stop: async () => {
      await machine.stop();
      await Promise.all([metadata.close(), github.stop(), moto.stop()]);
      cloud.close();
    },
  };
};
export type Host = Awaited<ReturnType<typeof startHost>>;

export const nextPrograms = (programs: Programs, change: Partial<Programs>): Programs => ({
  ...programs,
  ...change,
});
