import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it, onTestFinished } from "vitest";
import { connectControl } from "./control-client.ts";
import { ScriptedRunner } from "./testing/scripted-runner.ts";
import { startWithSet } from "./testing/start.ts";

const program = new URL("./main.ts", import.meta.url).pathname;

async function run(...args: string[]) {
  const child = spawn(process.execPath, [program, "--port", "0", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit") as Promise<[number | null]>;
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  return { child, exited, line, greeting: JSON.parse(line) as Record<string, string> };
}

describe("the program", () => {
  it("says where it listens, serves, and ends on SIGTERM", async () => {
    const directory = await mkdtemp(join(tmpdir(), "muster-test-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const file = join(directory, "url.json");
    const { child, exited, line, greeting } = await run(
      "--repository",
      "org/app",
      "--token",
      "t0",
      "--url-file",
      file,
    );
    expect(greeting).toEqual({
      url: greeting["url"],
      apiUrl: `${greeting["url"]}/api/v3`,
      repositoryUrl: `${greeting["url"]}/org/app`,
      token: "t0",
    });
    expect(await readFile(file, "utf8")).toBe(`${line}\n`);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const headers = { authorization: "Bearer t0" };
    expect((await fetch(`${greeting["apiUrl"]}/repos/org/app`, { headers })).status).toBe(200);
    child.kill("SIGTERM");
    expect((await exited)[0]).toBe(0);
  });

  it("ends by itself when nobody asks", async () => {
    const { exited } = await run("--idle-exit", "1");
    expect((await exited)[0]).toBe(0);
  });
});

describe("the control object", () => {
  it("is the same over HTTP", async () => {
    const { github, client } = await startWithSet();
    const remote = connectControl(github.url);
    const run = await remote.dispatchJobs([{ labels: ["linux"], name: "far" }]);
    expect(await remote.run(run.id)).toEqual(github.control.run(run.id));
    await client.next(1);
    const served = new ScriptedRunner((await client.mint("r1")).config).serveOne();
    await remote.wait({ what: "run-completed", run: run.id });
    await served;
    expect(await remote.calls()).toMatchObject({ "scale-set.jit": 1 });
    const id = await remote.setFault({ kind: "status", on: "scale-set.list", status: 500 });
    expect((await client.sets("GET")).status).toBe(500);
    await remote.clearFaults(id);
    expect((await client.sets("GET")).status).toBe(200);
  });

  it("says what is wrong", async () => {
    const { github } = await startWithSet();
    const remote = connectControl(github.url);
    await expect(remote.run(1)).rejects.toThrow("no run 1");
    await expect(remote.wait({ what: "runners", count: 1 }, 20)).rejects.toThrow(
      "did not come true within 0.02 s",
    );
  });

  it("lists every secret that clients were given, each with a part to search for", async () => {
    const { github, client } = await startWithSet();
    const { config } = await client.mint("r1");
    const secrets = github.control.issuedSecrets();
    const given = [github.token, client.adminToken, client.session!.messageQueueAccessToken, config];
    for (const value of given) {
      const secret = secrets.find((one) => one.value === value);
      expect(secret && value.includes(secret.marker) && secret.marker.length >= 16).toBe(true);
    }
    const key = new ScriptedRunner(config).files[".credentials_rsaparams"]!["d"];
    expect(secrets.some(({ kind, value }) => kind === "runner-key" && value === key)).toBe(true);
    expect(new Set(secrets.map(({ marker }) => marker)).size).toBe(secrets.length);
  });

  it("tells what happened, in order", async () => {
    const { github, client } = await startWithSet();
    await github.control.dispatchJobs([{ labels: ["linux"] }]);
    await client.next(1);
    await new ScriptedRunner((await client.mint("r1")).config).serveOne();
    expect(github.control.events().map(({ what }) => what)).toEqual([
      "scale-set-created",
      "session-opened",
      "job-queued",
      "job-assigned",
      "runner-registered",
      "runner-online",
      "job-delivered",
      "job-started",
      "runner-removed",
      "job-completed",
      "run-completed",
    ]);
  });
});
