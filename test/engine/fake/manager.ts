/**
 * A manager without GitHub and machines that keeps the daemon's contract, for tests of the Pulumi side: settings,
 * health, control verbs, signals. What it was told stands line by line in `<directory>.events`, which outlives the
 * folder. Self-contained, since it is copied over a project's agent/manager/main.ts.
 */
import { createHash } from "node:crypto";
import { appendFileSync, readFileSync, rmSync, existsSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";

interface Settings {
  pools: Record<string, { max: number }>;
  manager: { port: number; directory: string; socket: string; managerBundle: { sha256: string } };
}

const { values } = parseArgs({
  options: { config: { type: "string" }, forget: { type: "boolean", default: false } },
});
const path = values.config!;
const read = () => {
  const bytes = readFileSync(path);
  return {
    hash: createHash("sha256").update(bytes).digest("hex"),
    settings: JSON.parse(bytes.toString("utf8")) as Settings,
  };
};
let now = read();
const { port, directory, socket, managerBundle } = now.settings.manager;
const digest = (secrets: string) => createHash("sha256").update(secrets).digest("hex").slice(0, 8);
const event = (name: string, detail: object = {}) =>
  appendFileSync(`${directory}.events`, `${JSON.stringify({ event: name, pid: process.pid, ...detail })}\n`);

const secrets = await text(process.stdin);
if (values.forget) {
  event("forget", { secrets: digest(secrets) });
  if (existsSync(`${directory}.refuse-forget`)) {
    console.log("scale set muster-local-leftover");
    process.exit(1);
  }
  process.exit(0);
}
if (existsSync(`${directory}.broken`)) {
  console.error("Error: broken on purpose");
  process.exit(1);
}
event("start", { secrets: digest(secrets), pools: now.settings.pools });

const health = () => ({
  ok: true,
  configHash: now.hash,
  managerBundle: managerBundle.sha256,
  pid: process.pid,
  startedMs: Math.round(performance.timeOrigin),
});
const verbs: Record<string, (body: string) => string> = {
  "/control/reload": () => {
    now = read();
    event("reload", { pools: now.settings.pools });
    return JSON.stringify({ configHash: now.hash });
  },
  "/control/secrets": (body) => {
    event("secrets", { secrets: digest(body) });
    return "{}";
  },
  "/control/drain": (body) => {
    event("drain", JSON.parse(body) as object);
    return '1 machines left: 1 busy\n{"left":0}\n';
  },
  "/control/undrain": () => {
    event("undrain");
    return "{}";
  },
};
const answer = async (request: IncomingMessage, response: ServerResponse) => {
  const verb = verbs[request.url ?? ""];
  response.statusCode = verb ? 200 : 404;
  response.end(verb ? verb(await text(request)) : "{}");
};
rmSync(socket, { force: true });
const control = createServer((request, response) => void answer(request, response)).listen(socket);
const web = createServer((_, response) => response.end(JSON.stringify(health()))).listen(port, "127.0.0.1");
process.on("SIGTERM", () => {
  event("stop");
  control.close();
  web.close();
  process.exit(0);
});
