// Goal: no secret of a run is anywhere but where it must be. Method: the whole chain on the real engine, once with a token and
// once with a GitHub App, with recognisable secrets of every kind; then a search through all that the run touches.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { transform } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { realCliDeps } from "../../agent/cli/deps.ts";
import { sweep } from "../../agent/cli/local/sweep.ts";
import { makeIdentity } from "../../agent/manager/identity.ts";
import { openLocalStack, type LocalStack } from "../../tools/engine/local-stack.ts";
import { run } from "../../tools/engine/run.ts";
import { realDeps } from "../github/runner/common/deps.ts";
import { readConfig } from "../github/runner/common/config.ts";
import { createTokens } from "../github/runner/common/oauth.ts";
import { InvalidClient } from "../github/runner/common/refused.ts";
import { startGitHub, type GitHubSimulator } from "../github/server.ts";
import { commandLine, forms, pids, Search, type Leak, type Needle } from "./leaks.ts";
import { copyProject, type Project } from "./project.ts";

const labels = ["self-hosted", "linux", "small"];
const pem = (type: "spki") => ({ type, format: "pem" }) as const;
const appKey = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  publicKeyEncoding: pem("spki"),
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
/** What a shell may hold when it runs Pulumi. */
const shell = {
  AWS_SECRET_ACCESS_KEY: "plantedAwsSecretAccessKey0123456789",
  AWS_SESSION_TOKEN: "plantedAwsSessionToken0123456789",
  HCLOUD_TOKEN: "plantedHetznerToken0123456789",
  CLOUDFLARE_API_TOKEN: "plantedOtherToken0123456789",
};
const plainToken = "ghp_plantedPersonalAccessToken0123456789";

/**
 * The one exception by place and kind: the runner's own registration, in the files and the variable that GitHub's runner
 * takes it from, on its own machine. The others are where a secret lives: the file of the passphrase, of the stack's key.
 */
const allowed: readonly { kind: string; where: RegExp }[] = [
  { kind: "runner-key", where: /^\.muster\/local\/machines\/[^/]+\/runner\/\.credentials_rsaparams$/ },
  { kind: "jit-config", where: /^environment of \w+: ACTIONS_RUNNER_INPUT_JITCONFIG$/ },
  { kind: "runner-key", where: /^environment of \w+: ACTIONS_RUNNER_INPUT_JITCONFIG$/ },
  { kind: "passphrase", where: /^\.muster\/passphrase$/ },
  { kind: "stack-key", where: /^\.muster\/local\/stack\.key$/ },
];
const unlisted = (leaks: readonly Leak[]) =>
  leaks.filter((leak) => !allowed.some(({ kind, where }) => kind === leak.kind && where.test(leak.where)));

interface Run {
  github: GitHubSimulator;
  project: Project;
  stack: LocalStack;
  temporary: string;
  /** Arguments of every process that was seen while it ran. */
  seen: Set<string>;
  said: string[];
}
const before = { ...process.env };
let at: Run;
let watching: ReturnType<typeof setInterval>;

const begin = async (login: "token" | "app") => {
  const github = await startGitHub({
    tokens: [{ token: plainToken }],
    apps: [{ id: 12, publicKey: appKey.publicKey, installations: [{ id: 34, account: "acme" }] }],
  });
  const url = github.repositoryUrl;
  const app = login === "app" ? { app: { id: 12, installation: 34 } } : {};
  const project = await copyProject({ settings: { "muster:github": { url, ...app } } });
  // The simulator's bundler stays as this test's own process: it is started before there is anything to inherit.
  await transform("");
  const temporary = mkdtempSync(join(tmpdir(), "muster-secrets-"));
  Object.assign(process.env, shell, { TMPDIR: temporary });
  const seen = new Set<string>();
  watching = setInterval(() => pids().forEach((pid) => seen.add(commandLine(pid))), 25);
  const said: string[] = [];
  const stack = await openLocalStack({ root: project.root, log: (line) => void said.push(line) });
  await stack.setConfig({ pools: { small: { labels, max: 2 } } });
  if (login === "app") await stack.setSecret("githubAppKey", appKey.privateKey);
  else await stack.setSecret("githubToken", plainToken);
  at = { github, project, stack, temporary, seen, said };
};

const machinesFolder = () => join(at.project.root, ".muster/local/machines");

/** Everything secret that there is by now. */
const needles = (machines: readonly string[]): Needle[] => {
  const key = readFileSync(join(at.project.root, ".muster/local/stack.key"));
  const identity = makeIdentity(key);
  const passphrase = readFileSync(join(at.project.root, ".muster/passphrase"), "utf8").trim();
  const own = machines.flatMap((machine) => [
    { kind: "one-time-token", text: identity.token(machine) },
    { kind: "session", text: identity.session(machine).split(".").at(-1)! },
  ]);
  return [
    { kind: "github-token", text: plainToken },
    { kind: "app-key", text: appKey.privateKey.split("\n")[8]! },
    { kind: "passphrase", text: passphrase },
    { kind: "stack-key", text: key.toString("latin1") },
    { kind: "stack-key", text: key.toString("hex") },
    ...Object.entries(shell).map(([kind, text]) => ({ kind, text })),
    ...own,
    ...at.github.control.issuedSecrets().map(({ kind, marker }) => ({ kind, text: marker })),
  ];
};

const outputs = async (search: Search) => {
  const { project, stack } = at;
  for (const args of [["stack", "output", "--json"], ["stack", "export"], ["stack"], ["config"]])
    search.text(`pulumi ${args.join(" ")}`, (await stack.pulumi(args)).stdout);
  for (const path of ["/", "/api/state", "/metrics", "/healthz"])
    search.text(`page ${path}`, await (await fetch(`http://127.0.0.1:${project.port}${path}`)).text());
  const cli = [join(project.root, "agent/cli/main.ts"), "local", "status", "--json"];
  const ran = await run(process.execPath, cli, { cwd: project.root });
  expect(ran.code).toBe(0);
  search.text("muster local status", `${ran.stdout}${ran.stderr}`);
  search.text("what npm start would show", at.said.join("\n"));
};

const files = (search: Search) => {
  const { project, temporary } = at;
  search.files(join(project.root, ".muster"), ".muster").files(temporary, "TMPDIR");
  search.text("Pulumi.local.yaml", readFileSync(join(project.root, "Pulumi.local.yaml"), "utf8"));
};

describe.each(["token", "app"] as const)("a run with a GitHub %s", (login) => {
  beforeAll(() => begin(login));
  afterAll(async () => {
    clearInterval(watching);
    await sweep(join(at.project.root, ".muster/local"), null, { ...realCliDeps, say: () => {} });
    await at.project.remove();
    await at.github.stop();
    rmSync(at.temporary, { recursive: true, force: true });
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  });
  let machines: string[] = [];

  test("while a job runs no secret is in files, arguments, environments, state, outputs and pages", async () => {
    const { github, stack, said, seen } = at;
    await stack.up((line) => void said.push(line));
    const script = "env > /dev/null; echo working; sleep 600";
    await github.control.dispatchJobs([{ labels, script }]);
    await github.control.wait({ what: "jobs", phase: "running", count: 1 }, 30_000);
    machines = readdirSync(machinesFolder());
    expect(machines).toHaveLength(1);
    const search = new Search(needles(machines));
    files(search);
    search.environments();
    await outputs(search);
    search.commandLines(seen);
    expect(unlisted(search.leaks)).toEqual([]);
    // The search would find them: the one exception lies where it must, and the arguments were watched.
    const found = search.leaks.map(({ kind }) => kind);
    for (const kind of ["runner-key", "jit-config", "passphrase", "stack-key"]) expect(found).toContain(kind);
    expect([...seen].some((line) => line.includes("Runner.Listener"))).toBe(true);
    const issued = new Set(github.control.issuedSecrets().map(({ kind }) => kind));
    const wanted = [
      "registration",
      "admin",
      "queue",
      "jit-config",
      "runner-key",
      "runner",
      "runtime",
    ] as const;
    for (const kind of [...wanted, ...(login === "app" ? (["installation"] as const) : [])])
      expect([...issued], `the run has none of kind ${kind}`).toContain(kind);
  });

  test("a secret that is planted in a file, an argument, an environment or an encoded text is found", async () => {
    const search = new Search(needles(machines));
    const canary = join(at.project.root, ".muster/local/logs/canary.log");
    writeFileSync(canary, `Authorization: basic ${Buffer.from(`x:${plainToken}`).toString("base64")}`);
    const child = spawn("sleep", ["600"], {
      argv0: `sleep ${plainToken}`,
      env: { LEAK: shell.HCLOUD_TOKEN },
    });
    try {
      await once(child, "spawn");
      files(search);
      search.environments().commandLines([commandLine(child.pid!)]);
    } finally {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      rmSync(canary);
      for (const line of at.seen) if (line.startsWith("sleep ghp_")) at.seen.delete(line);
    }
    expect(unlisted(search.leaks)).toEqual(
      expect.arrayContaining([
        { kind: "github-token", where: ".muster/local/logs/canary.log" },
        { kind: "github-token", where: `arguments: sleep ${plainToken}` },
        { kind: "HCLOUD_TOKEN", where: "environment of sleep: LEAK" },
      ]),
    );
  });

  test("the runner's own registration, copied by its job, is worth nothing when the job is over", async () => {
    const { github } = at;
    const root = join(machinesFolder(), machines[0]!, "runner");
    const { credentials, rsa } = readConfig(root)!;
    expect(await createTokens(credentials, rsa, realDeps).get()).toBeTruthy();
    github.control.cancelJob(github.control.jobs()[0]!.id);
    await github.control.wait({ what: "runners", count: 0, exactly: true }, 60_000);
    await expect(createTokens(credentials, rsa, realDeps).get()).rejects.toBeInstanceOf(InvalidClient);
  });

  test("after destroy only the passphrase is left, and the state that it encrypts", async () => {
    const search = new Search(needles(machines));
    await at.stack.destroy((line) => void at.said.push(line));
    files(search);
    search.environments().commandLines(at.seen).text("what npm start would show", at.said.join("\n"));
    const left = search.leaks.filter(({ where }) => !where.startsWith("arguments"));
    expect(search.leaks.filter(({ where }) => where.startsWith("arguments"))).toEqual([]);
    expect([...new Set(left.map(({ where }) => where))]).toEqual([".muster/passphrase"]);
  });
});

test("a secret is looked for as it is, percent-encoded, and at any place within base64", () => {
  const secret = "plain+text/of=some length";
  for (const before of ["", "a", "ab", "abc", "user:"])
    expect(
      new Search([{ kind: "it", text: secret }]).text(
        "there",
        Buffer.from(`${before}${secret} and more`).toString("base64"),
      ).leaks,
    ).toEqual([{ kind: "it", where: "there" }]);
  expect(forms(secret)).toContain("plain%2Btext%2Fof%3Dsome%20length");
});
