/** A served sample: what the server's tests share. */
import {
  type EnrollRequest,
  type EnrollResponse,
  protocolVersion,
  type SyncRequest,
  type SyncResponse,
} from "../../../../agent/protocol.ts";
import { Refused } from "../../../../agent/manager/errors.ts";
import type { WebLimits } from "../../../../agent/manager/web/limits.ts";
import { serveWeb, type Health, type WebHandlers } from "../../../../agent/manager/web/server.ts";
import type { Deps } from "../../../../agent/manager/deps.ts";
import { quietDeps } from "./fake-deps.ts";
import { sampleState } from "./sample.ts";

export const enrolment: EnrollRequest = {
  protocol: protocolVersion,
  machine: "m1",
  token: "t".repeat(32),
  agent: "a".repeat(64),
  host: { arch: "arm64", cores: 4, memoryMb: 8_000, diskFreeMb: 90_000, kernel: "6.8" },
};
export const enrolled: EnrollResponse = {
  protocol: protocolVersion,
  session: "session-of-m1",
  pool: "a",
  syncSeconds: 30,
  deadManSeconds: 600,
  runner: { version: "2.336.0", sha256: "0".repeat(64), urls: ["http://127.0.0.1/runner"] },
};
export const report: SyncRequest = {
  protocol: protocolVersion,
  sequence: 1,
  phase: "listening",
  life: 1,
  job: null,
  lastLife: null,
  problem: null,
  usage: null,
  done: 0,
};
export const nothingNew: SyncResponse = { instruction: { id: 0, do: "wait" }, nextSeconds: 30 };
export const bundleSha = "ab".repeat(32);

export const healthy: Health = {
  ok: true,
  configHash: "c".repeat(64),
  managerBundle: "d".repeat(64),
  pid: 1,
  startedMs: 5,
  problem: null,
};

export const webHandlers = (over: Partial<WebHandlers> = {}): WebHandlers => ({
  agents: {
    enroll: async () => enrolled,
    sync: async (session) => {
      if (session !== enrolled.session) throw new Refused(401, "session-over", "This session is over.");
      return nothingNew;
    },
  },
  health: () => healthy,
  state: () => sampleState(),
  metrics: async () => "muster_up 1\n",
  runnerBundle: async (sha256) => (sha256 === bundleSha ? new TextEncoder().encode("export {};") : null),
  ...over,
});

/** With agents' calls over TCP. */
export const served = (
  over: Partial<WebHandlers> = {},
  limits: Partial<WebLimits> = {},
  deps: Deps = quietDeps(),
) => serveWeb({ port: 0, handlers: webHandlers(over), agents: "tcp", limits }, deps);
