import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeConnection } from "../../../agent/manager/github/connection.ts";
import { makeLogin } from "../../../agent/manager/github/login.ts";
import { makeService } from "../../../agent/manager/github/service.ts";
import { wishOf } from "../../../agent/manager/github/sets.ts";
import { defaultTimings } from "../../../agent/manager/github/timings.ts";
import { parseTarget } from "../../../agent/manager/github/url.ts";
import { realDeps } from "../../../agent/manager/deps.ts";
import type { ManagerConfig, PoolConfig } from "../../../agent/manager-config.ts";
import { startGitHub, type GitHubSimulator } from "../../github/server.ts";
import { realGitHub } from "../../../tools/start/real-github.ts";

let github: GitHubSimulator;
beforeAll(async () => {
  github = await startGitHub();
});
afterAll(() => github.stop());

const pool: PoolConfig = {
  labels: ["self-hosted", "linux", "local"],
  max: 2,
  minIdle: 0,
  idleTimeoutSeconds: 300,
  maxJobSeconds: 3_600,
  reuse: false,
  gpu: null,
  runnerGroup: "Default",
  publicRepositories: "refuse",
  shareLabels: false,
  rerun: "once",
  backends: [{ kind: "local" }],
};
const config = (): ManagerConfig => {
  const bundle = { path: "/bundle", sha256: "0".repeat(64) };
  return {
    version: 1,
    stack: { project: "muster", name: "local" },
    github: { url: github.repositoryUrl, login: { kind: "token" }, source: "auto" },
    pools: { local: pool },
    budget: null,
    manager: {
      port: 7_117,
      directory: "/manager",
      socket: "/manager/control.sock",
      managerBundle: bundle,
      runnerBundle: bundle,
      drainTimeoutSeconds: 60,
      readable: [],
      hidden: [],
      unconfined: true,
      agents: null,
    },
  };
};

const client = () => {
  const deps = realDeps(pino({ enabled: false }));
  const target = parseTarget(github.repositoryUrl);
  const rest = makeLogin(target, { kind: "token" }, { githubToken: github.token }, defaultTimings, deps);
  return makeService(makeConnection(rest, target, defaultTimings, deps), defaultTimings, deps);
};

describe("what a stack has at a real GitHub", () => {
  it("are its own sets and their runner records, and nobody else's", async () => {
    const signal = new AbortController().signal;
    const service = client();
    const { base, labels } = wishOf(config(), "local")!;
    const other = await service.createSet({ name: "another-stack", runnerGroupId: 1, labels: ["x"] }, signal);
    await service.generateJitConfig(other.id, "another-1", signal);
    const standing = realGitHub(config(), github.token);
    expect(await standing()).toEqual({ runners: [], scaleSets: [] });
    const own = await service.createSet({ name: base, runnerGroupId: 1, labels }, signal);
    await service.generateJitConfig(own.id, "local-1", signal);
    expect(await standing()).toEqual({ runners: ["local-1"], scaleSets: [base] });
    const agent = await service.agentByName("local-1", signal);
    await service.deleteAgent(agent!.id, signal);
    await service.deleteSet(own.id, signal);
    expect(await standing()).toEqual({ runners: [], scaleSets: [] });
  });
});
