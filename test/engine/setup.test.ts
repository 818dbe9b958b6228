/** `muster setup` as a person runs it, on the real engine: what it wrote is encrypted, and preview takes it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPulumi } from "../../agent/cli/pulumi.ts";
import { run } from "../../tools/engine/run.ts";
import { Browser, create, install } from "../agent/cli/setup/rig.ts";
import { startGitHub, type GitHubSimulator } from "../github/server.ts";
import { copyProject, type Project } from "./project.ts";

const token = "ghp_planted0secret0token";
let project: Project;
let github: GitHubSimulator;
beforeAll(async () => {
  project = await copyProject();
  github = await startGitHub({ tokens: [{ token }] });
});
afterAll(async () => {
  await github.stop();
  await project.remove();
});

const words = (...more: string[]) => [join(project.root, "agent/cli/main.ts"), "setup", "--json", ...more];
const stackFile = () => readFile(join(project.root, "Pulumi.local.yaml"), "utf8");
const preview = () => openPulumi("local", { root: project.root, say: () => {} }).must(["preview"]);

test("an App made in the browser: its key lies encrypted in the configuration, and preview works", async () => {
  const child = spawn(process.execPath, words("--url", github.repositoryUrl), { cwd: project.root });
  let [said, result] = ["", ""];
  child.stdout.on("data", (text: Buffer) => (result += text.toString()));
  const link = await new Promise<string>((resolve, reject) => {
    child.stderr.on("data", (text: Buffer) => {
      said += text.toString();
      const found = /http:\/\/127\.0\.0\.1:\d+\/\S+/.exec(said)?.[0];
      if (found) resolve(found);
    });
    child.on("close", () => reject(new Error(said)));
  });
  const browser = await create(await new Browser().open(link));
  await install(browser, { repositories: "widgets" });
  while (!browser.text.includes("GitHub is set up")) await browser.reload();
  const [code] = (await once(child, "close")) as [number];
  expect([code, said]).toEqual([0, expect.stringContaining("its key is stored")]);
  expect(JSON.parse(result)).toMatchObject({ stack: "local", login: { kind: "app" }, missing: [] });

  const [secret] = github.control.issuedSecrets().filter(({ kind }) => kind === "app-key");
  const yaml = await stackFile();
  expect(yaml).toMatch(/githubAppKey["']?: *\n? *\{?secure: /);
  for (const text of [yaml, said, result]) expect(text).not.toContain(secret!.marker);
  const config = await openPulumi("local", { root: project.root }).config();
  const { id, installation } = (JSON.parse(result) as { login: { id: number; installation: number } }).login;
  expect(config).toMatchObject({
    "muster:github": { secret: false, value: { url: github.repositoryUrl, app: { id, installation } } },
    "muster:githubAppKey": { secret: true },
  });
  expect(await preview()).toContain("to create");
});

test("a token by standard input takes the App's place, and nothing is missing", async () => {
  const ran = await run(process.execPath, words("--token", "--force"), {
    cwd: project.root,
    stdin: `${token}\n`,
  });
  expect([ran.code, ran.stderr]).toEqual([
    0,
    expect.stringContaining("it is replaced once the new login was tried (--force)"),
  ]);
  const yaml = await stackFile();
  expect(yaml).not.toContain("githubAppKey");
  expect(yaml + ran.stdout + ran.stderr).not.toContain(token);
  const config = await openPulumi("local", { root: project.root }).config();
  expect(config["muster:github"]).toEqual({ secret: false, value: { url: github.repositoryUrl } });
  expect(config["muster:githubToken"]).toEqual({ secret: true });
  expect((JSON.parse(ran.stdout) as { missing: string[] }).missing).toEqual([]);
});
