/** A manager that lives, for a stack in moto: the updater's own drain and status, and a played manager behind its socket. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attempt } from "../../../agent/updater/context.ts";
import { realDeps } from "../../../agent/updater/deps.ts";
import { makeDrain } from "../../../agent/updater/drain.ts";
import { hostFolder } from "../../../agent/updater/folder.ts";
import { defaultLimits } from "../../../agent/updater/limits.ts";
import { makeStatus } from "../../../agent/updater/status.ts";
import { awsStore } from "../../../agent/updater/store.ts";
import { makeContext } from "../../../agent/updater/updater.ts";

/** Between two looks at the bucket. */
const watchMs = 100;
const bundle = "0".repeat(64);

export interface PlayedManager {
  /** One of its machines has finished its job. */
  endOne(): Promise<void>;
  /** What it was asked, in order. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

/** @param machines those that it would wait for */
export const playManager = async (
  bucket: string,
  stack: string,
  machines: { alive: () => Promise<string[]>; end: (ids: string[]) => Promise<unknown> },
): Promise<PlayedManager> => {
  const directory = await mkdtemp(join(tmpdir(), "muster-played-"));
  const socket = join(directory, "control.sock");
  const asked: string[] = [];
  let draining: ServerResponse | null = null;
  const say = async () => {
    const left = (await machines.alive()).length;
    draining?.write(`${left} machines left: ${left} busy, 0 ending, 0 idle\n`);
    if (left === 0) draining?.end('{"left":0}\n');
  };
  const control = createServer((request, response) => {
    asked.push(request.url!);
    if (request.url !== "/control/drain") return void response.end("{}");
    draining = response;
    void say();
  });
  await new Promise<void>((resolve) => control.listen(socket, resolve));

  const stop = new AbortController();
  const deps = { ...realDeps(), log: () => {} };
  const options = { parameterPrefix: "", self: bundle, logGroup: null, limits: defaultLimits };
  const folder = hostFolder({ programs: directory, data: directory, updater: directory });
  const context = await makeContext(options, awsStore(bucket, stack), folder, stop.signal, deps);
  const config = { manager: { port: 0, socket } };
  context.state = { ...context.state, running: { manager: bundle, runner: bundle, config, keys: "" } };
  context.health = { ok: true, pid: 1, managerBundle: bundle, configHash: "", problem: null };
  const [drain, status] = [makeDrain(context), makeStatus(context)];
  const turn = async () => {
    await attempt(context, "drain", drain);
    await attempt(context, "status", status);
  };
  await turn();
  const done = (async () => {
    while (!stop.signal.aborted) {
      await turn();
      await deps.clock.sleep(watchMs, stop.signal);
    }
  })();
  return {
    asked,
    endOne: async () => {
      await machines.end((await machines.alive()).slice(0, 1));
      await say();
    },
    stop: async () => {
      stop.abort();
      await done;
      control.closeAllConnections();
      await new Promise((resolve) => control.close(resolve));
      await rm(directory, { recursive: true });
    },
  };
};
