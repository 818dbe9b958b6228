import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { leaveSecrets } from "../../../../agent/cli/local/secrets.ts";
import { start } from "../../../../agent/cli/local/start.ts";
import { stop } from "../../../../agent/cli/local/stop.ts";
import { findLeftovers, isNothing, sweepStack } from "../../../../agent/cli/verbs/sweep.ts";
import { PulumiError } from "../../../../agent/cli/pulumi.ts";
import { identify } from "../../../../agent/supervisor/process.ts";
import { eventually, gone, makeRig, type Rig } from "../../supervisor/rig.ts";
import { muster, standIn } from "./rig.ts";

const secrets = '{"githubToken":"planted-token"}';
let rig: Rig;
beforeEach(async () => void (rig = await makeRig()));
afterEach(() => rig.remove());

const where = () => ({ stack: "dev", paths: rig.paths });
const up = async () => {
  await leaveSecrets(rig.paths.directory, secrets, rig.deps);
  await start(rig.config, rig.deps);
};
const deps = (must: (args: readonly string[]) => Promise<string>) => ({
  ...rig.deps,
  root: "/nowhere",
  pulumi: () => ({ must }),
  limits: { politeMs: 300, killedMs: 5_000 },
});
const noCredential = () =>
  Promise.reject(new PulumiError("no passphrase", { code: 1, stdout: "", stderr: "", timedOut: false }));

/** A machine's agent, which outlived its manager. */
const startAgent = async () => {
  const directory = join(rig.paths.machines, "m1");
  await mkdir(directory, { recursive: true });
  const child = spawn("sleep", ["63"], { cwd: directory, detached: true, stdio: "ignore" });
  await once(child, "spawn");
  await writeFile(join(directory, "agent.json"), JSON.stringify(identify(child.pid!)));
  return child.pid!;
};

describe("muster sweep", () => {
  it("finds what a dead manager left: processes, folders, scale sets", async () => {
    await up();
    await stop(rig.paths.directory, rig.deps);
    await startAgent();
    const set = {
      id: 1,
      name: "muster-local-local",
      pool: "local",
      group: "Default",
      labels: [],
      session: null,
    };
    await writeFile(
      join(rig.paths.directory, "github.json"),
      JSON.stringify({ url: rig.config.github.url, sets: [set] }),
    );
    expect(await findLeftovers(where())).toMatchObject({
      exists: true,
      manager: null,
      supervisor: null,
      machines: ["m1"],
      processes: 1,
      github: { url: rig.config.github.url, sets: ["muster-local-local"] },
    });
  });

  it("ends and removes it with the credential that the stack's configuration holds", async () => {
    await up();
    await stop(rig.paths.directory, rig.deps);
    const agent = await startAgent();
    const asked: string[] = [];
    const must = (args: readonly string[]) => {
      asked.push(args.join(" "));
      return Promise.resolve("planted-token\n");
    };
    await sweepStack(where(), { force: false, secrets: null }, deps(must));
    expect(asked).toEqual(["config get muster:githubToken"]);
    await eventually("the agent is gone", () => gone(agent));
    expect(isNothing(await findLeftovers(where()))).toBe(true);
    expect((await rig.events()).at(-1)).toMatchObject({ event: "forget" });
  });

  it("goes on without a credential and names what may remain at GitHub", async () => {
    await up();
    await stop(rig.paths.directory, rig.deps);
    await sweepStack(where(), { force: false, secrets: null }, deps(noCredential));
    const said = rig.said.join("\n");
    expect(said).toContain("no credential for GitHub is in reach: no passphrase");
    expect(said).toContain(`scale sets of muster, local may remain`);
    await expect(stat(rig.paths.directory)).rejects.toThrow("ENOENT");
  });

  it("refuses while a healthy manager runs, and touches nothing, unless it is told to", async () => {
    const { directory, config, stop: stopServer } = await standIn();
    const args = ["sweep", "--yes", "--directory", directory];
    const refused = await muster(args);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("a healthy manager runs");
    expect(refused.stderr).toContain("npm run pulumi -- destroy -s dev");
    expect((await stat(config.manager.socket)).isSocket()).toBe(true);
    await stopServer();
  });

  it("--list only shows", async () => {
    const { directory } = await standIn();
    const { code, stdout } = await muster(["sweep", "--list", "--directory", directory]);
    expect(code).toBe(0);
    expect(stdout).toContain("manager      answers and is well");
    expect(stdout).toContain(`folder       ${directory}`);
    expect((await stat(directory)).isDirectory()).toBe(true);
  });

  it("asks nobody where nobody can answer", async () => {
    const { directory, stop: stopServer } = await standIn();
    await stopServer();
    const { code, stderr } = await muster(["sweep", "--directory", directory]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "muster: nobody can be asked here: say --yes to do it.\n",
    });
    expect((await stat(directory)).isDirectory()).toBe(true);
  });

  it("says so when nothing is left", async () => {
    const { code, stdout } = await muster(["sweep", "--directory", "/nowhere/at/all"]);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: "nothing is left: /nowhere/at/all is not there or is empty\n",
    });
  });
});
