/**
 * As much of systemd as the manager's machine needs, inside the namespaces of a test: reads the unit files that the user
 * data wrote, starts, restarts and watches their processes. Verbs come from the stand-in `systemctl` over a socket.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, chmodSync, chownSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const [socket, logs] = process.argv.slice(2) as [string, string];
/** systemd's RestartSec would only make the test slow. */
const restartMs = 200;

type Unit = Map<string, string[]>;
const read = (name: string): Unit => {
  const unit: Unit = new Map();
  for (const line of readFileSync(join("/etc/systemd/system", name), "utf8").split("\n")) {
    const [, key, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (key) unit.set(key, [...(unit.get(key) ?? []), value!]);
  }
  return unit;
};
const environment = (unit: Unit): NodeJS.ProcessEnv => {
  const lines = (unit.get("EnvironmentFile") ?? []).flatMap((file) => readFileSync(file, "utf8").split("\n"));
  const pairs = [...lines, ...(unit.get("Environment") ?? [])].flatMap((line) => {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    return name ? [[name, value!.replace(/^(["'])(.*)\1$/, "$2")] as const] : [];
  });
  return { PATH: process.env["PATH"], ...Object.fromEntries(pairs) };
};
const idOf = (user: string, flag: "-u" | "-g") => Number(execFileSync("id", [flag, user]).toString());

interface Service {
  child: ChildProcess | null;
  wanted: boolean;
  ended: Promise<void>;
}
const services = new Map<string, Service>();

const launch = (name: string): Service => {
  const unit = read(name);
  const one = (key: string) => unit.get(key)?.at(-1);
  const user = one("User");
  const ids = user ? { uid: idOf(user, "-u"), gid: idOf(user, "-g") } : {};
  const folder = one("RuntimeDirectory");
  if (folder) {
    mkdirSync(join("/run", folder), { recursive: true });
    chmodSync(join("/run", folder), parseInt(one("RuntimeDirectoryMode") ?? "0755", 8));
    if (user) chownSync(join("/run", folder), ids.uid!, ids.gid!);
  }
  const input = one("StandardInput")?.replace(/^file:/, "");
  const out = openSync(join(logs, `${name}.log`), "a");
  const [program, ...args] = one("ExecStart")!.split(" ");
  const child = spawn(program!, args, {
    cwd: one("WorkingDirectory") ?? "/",
    env: environment(unit),
    stdio: [input ? openSync(input, "r") : "ignore", out, out],
    ...ids,
  });
  const service: Service = {
    child,
    wanted: true,
    ended: new Promise<void>((resolve) => child.once("exit", () => resolve()).once("error", () => resolve())),
  };
  services.set(name, service);
  void service.ended.then(async () => {
    const again = one("Restart") === "always" || (one("Restart") === "on-failure" && child.exitCode !== 0);
    await pause(restartMs);
    if (service.wanted && again && services.get(name) === service) launch(name);
  });
  return service;
};

const stop = async (name: string) => {
  const service = services.get(name);
  services.delete(name);
  if (!service?.child) return;
  service.wanted = false;
  service.child.kill("SIGTERM");
  await service.ended;
};

const isActive = (name: string) => {
  const child = services.get(name)?.child;
  return child != null && child.exitCode === null && child.signalCode === null;
};

const verbs: Record<string, (name: string) => Promise<void>> = {
  restart: async (name) => {
    await stop(name);
    launch(name);
  },
  start: async (name) => {
    if (!isActive(name)) await verbs["restart"]!(name);
  },
  stop,
};

createServer((request, response) => {
  void (async () => {
    let body = "";
    for await (const part of request) body += String(part);
    const args = JSON.parse(body) as string[];
    appendFileSync(join(logs, "systemctl.log"), `${args.join(" ")}\n`);
    const [verb, name] = args.filter((arg) => !arg.startsWith("--"));
    try {
      if (verb !== "daemon-reload") await verbs[verb!]!(name!);
      response.end("ok");
    } catch (error) {
      response.writeHead(500).end((error as Error).message);
    }
  })();
}).listen(socket, () => console.log("ready"));
// A test that was killed leaves nobody behind: this is the first process of its namespace.
process.stdin.resume().once("end", () => process.exit(0));
