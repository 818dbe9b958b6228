/**
 * As much of systemd as a machine of the tests needs, inside its namespaces: reads the unit files that the user data wrote,
 * runs services, watches the files of path units. Verbs come from the stand-ins `systemctl` and `systemd-run` over a
 * socket. `units.ts SOCKET LOGS NAME`; ends with `systemctl poweroff`.
 */
import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { type Host, makeService, type Service } from "./service.ts";
import { powerOffCode } from "./power-off.ts";
import { readUnit } from "./unit-file.ts";

const [socket, logs, name] = process.argv.slice(2) as [string, string, string];
/** Path units are looked at so often; the real ones are told by the kernel. */
const lookMs = 20;

const services = new Map<string, Service>();
const serviceOf = (unit: string): Service => {
  const found = services.get(unit) ?? makeService(unit, host);
  services.set(unit, found);
  return found;
};
const host: Host = {
  logs,
  name,
  startUnit: (unit) => void start(unit).catch(complain(unit)),
  ended: () => look(),
};
const complain = (unit: string) => (error: Error) =>
  appendFileSync(join(logs, "failed.log"), `${unit}: ${error.message}\n`);

/** Path units that are up: name -> the file that they wait for and the unit that they start. */
const paths = new Map<string, { file: string; unit: string }>();
const look = () => {
  for (const [path, { file, unit }] of paths) {
    const service = serviceOf(unit);
    if (service.isActive() || !existsSync(file)) continue;
    void service.start().catch((error: Error) => {
      complain(unit)(error);
      // A unit that may not start any more takes its path with it.
      if (service.isFailed()) paths.delete(path);
    });
  }
};
setInterval(look, lookMs);

const start = async (unit: string): Promise<void> => {
  if (!unit.endsWith(".path")) return serviceOf(unit).start();
  const read = readUnit(unit);
  paths.set(unit, {
    file: read.one("PathExists")!,
    unit: read.one("Unit") ?? unit.replace(/\.path$/, ".service"),
  });
  look();
};
const stop = async (unit: string): Promise<void> => {
  paths.delete(unit);
  await services.get(unit)?.stop();
};
const powerOff = async () => {
  paths.clear();
  await Promise.all([...services.values()].map((service) => service.stop()));
  process.exit(powerOffCode);
};

const verbs: Record<string, (unit: string) => Promise<unknown>> = {
  start,
  stop,
  restart: async (unit) => {
    await stop(unit);
    await start(unit);
  },
  poweroff: powerOff,
  "daemon-reload": () => Promise.resolve(),
  mask: () => Promise.resolve(),
};

/** A unit without a file: written here, started at once. What comes later than that is only noted. */
const transient = async (args: readonly string[]) => {
  const unit = args.find((arg) => arg.startsWith("--unit="))!.slice("--unit=".length);
  const command = args.slice(args.findIndex((arg) => !arg.startsWith("--")));
  if (args.some((arg) => arg.startsWith("--on-active="))) return;
  const line = command.map((word) => `"${word}"`).join(" ");
  writeFileSync(`/etc/systemd/system/${unit}.service`, `[Service]\nExecStart=${line}\n`);
  await start(`${unit}.service`);
};

createServer((request, response) => {
  void (async () => {
    let body = "";
    for await (const part of request) body += String(part);
    const [tool, ...args] = JSON.parse(body) as [string, ...string[]];
    appendFileSync(join(logs, `${tool}.log`), `${args.join(" ")}\n`);
    const work = async () => {
      if (tool === "systemd-run") return transient(args);
      const [verb, ...units] = args.filter((arg) => !arg.startsWith("--"));
      for (const unit of units.length > 0 ? units : [""]) await verbs[verb!]!(unit);
    };
    const done = work();
    try {
      if (args.includes("--no-block")) done.catch(complain(args.join(" ")));
      else await done;
      response.end("ok");
    } catch (error) {
      response.writeHead(500).end((error as Error).message);
    }
  })();
}).listen(socket, () => console.log("ready"));
// A test that was killed leaves nobody behind: the machine ends with this.
process.stdin.resume().once("end", () => process.exit(0));
