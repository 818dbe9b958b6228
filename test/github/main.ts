/**
 * `node test/github/main.ts --port N`: a simulated GitHub as a process of its own. Prints one JSON line
 * `{url, apiUrl, repositoryUrl, token}` once it listens; ends on SIGINT, SIGTERM, or after --idle-exit seconds without
 * a request.
 */
import { readFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { realClock } from "../../agent/manager/deps.ts";
import type { GitHubOptions, Timings } from "./options.ts";
import { startGitHub } from "./server.ts";

const usage = `usage: node test/github/main.ts --port N
  [--host 127.0.0.1]          address to listen on
  [--idle-exit SECONDS]       end when no request came for so long
  [--token T]                 a personal access token to accept; default: one made up
  [--url-file FILE]           also write the JSON line to this file, mode 0600
  [--style github.com|ghes]   how jobs are assigned; default github.com
  [--repository OWNER/NAME]   default acme/widgets
  [--workspace DIRECTORY]     the repository's checkout, for workflow files; default: the working directory
  [--app-id N --app-public-key FILE [--installation N]]
  [--timings JSON]            milliseconds, for instance {"holdMs":5000}
  [--seed N]`;

const { values } = parseArgs({
  options: {
    port: { type: "string" },
    host: { type: "string", default: "127.0.0.1" },
    "idle-exit": { type: "string" },
    token: { type: "string" },
    "url-file": { type: "string" },
    style: { type: "string", default: "github.com" },
    repository: { type: "string", default: "acme/widgets" },
    workspace: { type: "string", default: process.cwd() },
    "app-id": { type: "string" },
    "app-public-key": { type: "string" },
    installation: { type: "string", default: "1" },
    timings: { type: "string", default: "{}" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});

function fail(why: string): never {
  console.error(`${why}\n${usage}`);
  process.exit(2);
}

function whole(name: string, value: string): number {
  const number = Number(value);
  return Number.isInteger(number) && number >= 0
    ? number
    : fail(`--${name} ${value}: a whole number is needed`);
}

async function options(): Promise<GitHubOptions> {
  const [owner, name, more] = values.repository.split("/");
  if (!owner || !name || more !== undefined) fail(`--repository ${values.repository}: owner/name is needed`);
  if (values.style !== "github.com" && values.style !== "ghes") {
    fail(`--style ${values.style}: github.com or ghes is needed`);
  }
  const { token, "app-id": appId, "app-public-key": keyFile } = values;
  if (appId && !keyFile) fail("--app-id needs --app-public-key");
  return {
    port: whole("port", values.port ?? fail("--port is needed")),
    host: values.host,
    style: values.style,
    seed: whole("seed", values.seed),
    repositories: [{ owner, name, workspaceSource: values.workspace }],
    timings: JSON.parse(values.timings) as Partial<Timings>,
    ...(token && { tokens: [{ token }] }),
    ...(appId &&
      keyFile && {
        apps: [
          {
            id: whole("app-id", appId),
            publicKey: await readFile(keyFile, "utf8"),
            installations: [{ id: whole("installation", values.installation), account: owner }],
          },
        ],
      }),
  };
}

if (values.help) {
  console.log(usage);
  process.exit(0);
}
const clock = realClock();
const github = await startGitHub({ ...(await options()), clock });
const { url, apiUrl, repositoryUrl, token } = github;
const line = JSON.stringify({ url, apiUrl, repositoryUrl, token });
if (values["url-file"]) await writeFile(values["url-file"], `${line}\n`, { mode: 0o600 });
console.log(line);

let ending = false;
async function end(): Promise<void> {
  if (ending) return;
  ending = true;
  await github.stop();
  process.exit(0);
}
process.on("SIGINT", () => void end());
process.on("SIGTERM", () => void end());

/** Looks again when the idle time could be over at the earliest. */
function watchIdle(idleMs: number): void {
  const { open, lastMs } = github.activity;
  const left = open > 0 ? idleMs : lastMs + idleMs - clock.now();
  if (left <= 0) void end();
  else clock.after(left, () => watchIdle(idleMs));
}
if (values["idle-exit"]) watchIdle(whole("idle-exit", values["idle-exit"]) * 1000);
