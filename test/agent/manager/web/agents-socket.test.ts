/** Agents of this computer: their calls on a socket that is their user's alone. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { agentsSocket } from "../../../../agent/manager-config.ts";
import { serveAgents } from "../../../../agent/manager/web/agents-socket.ts";
import type { PrivateSocket } from "../../../../agent/manager/web/private-socket.ts";
import { config } from "../worlds.ts";
import { quietDeps } from "./fake-deps.ts";
import { ask, postJson } from "./requests.ts";
import { enrolled, enrolment, nothingNew, report, webHandlers } from "./server-fixture.ts";

let folder: string;
let socketPath: string;
let served: PrivateSocket;
const enroll = vi.fn(async () => enrolled);
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "muster-agents-"));
  socketPath = join(folder, "run", "agents.sock");
  const { agents } = webHandlers();
  served = await serveAgents({ path: socketPath, handlers: { ...agents, enroll } }, quietDeps());
});
afterEach(async () => {
  await served.close();
  enroll.mockClear();
  rmSync(folder, { recursive: true, force: true });
});

describe("the agents' socket", () => {
  it("lies beside the control socket, which is as long a path as may be", () => {
    const { manager } = config();
    const path = agentsSocket({ manager });
    expect(dirname(path)).toBe(dirname(manager.socket));
    expect(path.length).toBeLessThanOrEqual(manager.socket.length);
  });

  it("is its user's alone, and so is its folder", () => {
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(socketPath)).mode & 0o777).toBe(0o700);
  });

  it("serves the two calls", async () => {
    const answer = await postJson({ socketPath, path: "/agent/v1/enroll" }, enrolment);
    expect(JSON.parse(answer.text)).toEqual(enrolled);
    expect(enroll).toHaveBeenCalledExactlyOnceWith(enrolment, "");
    const headers = { authorization: `Bearer ${enrolled.session}` };
    const synced = await postJson({ socketPath, path: "/agent/v1/sync", headers }, report);
    expect(JSON.parse(synced.text)).toEqual(nothingNew);
    expect((await postJson({ socketPath, path: "/agent/v1/sync" }, report)).status).toBe(401);
  });

  it("serves nothing else", async () => {
    for (const path of ["/", "/healthz", "/api/state", "/control/state", "/agent/v1/enroll"]) {
      expect((await ask({ socketPath, path })).status, path).toBe(404);
    }
    expect((await postJson({ socketPath, path: "/control/stop" }, {})).status).toBe(404);
  });
});
