/** One process of a unit: its user, control group, streams and limits, as the unit file says. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { accessSync, chmodSync, chownSync, closeSync, constants, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Cgroup } from "./cgroup.ts";
import { type Command, environmentOf, type Unit } from "./unit-file.ts";

/** What a shell and `exec` make of it. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Started {
  child: ChildProcess;
  ended: Promise<Exit>;
}

export interface Places {
  /** Where the journal would keep what units say: NAME.log. */
  logs: string;
}

const user = (name: string) => {
  const [, , uid, gid, , home, shell] = execFileSync("getent", ["passwd", name], { encoding: "utf8" })
    .trim()
    .split(":");
  return { uid: Number(uid), gid: Number(gid), home: home!, shell: shell! };
};

const outputOf = (unit: Unit, key: string, places: Places): number | "inherit" | "ignore" => {
  const said = unit.one(key) ?? "journal";
  const [, how, path] = /^(file|append|truncate):(.+)$/.exec(said) ?? [];
  const flags = { file: "r+", append: "a", truncate: "w" }[how ?? ""];
  if (flags) return openSync(path!, flags);
  if (said === "inherit") return "inherit";
  return said === "null" ? "ignore" : openSync(join(places.logs, `${unit.name}.log`), "a");
};

/** Every one of a unit's processes opens its files anew, also those before and after the main one. */
const streamsOf = (unit: Unit, places: Places) => {
  const input = unit.one("StandardInput")?.replace(/^file:/, "");
  const out = outputOf(unit, "StandardOutput", places);
  const error = outputOf(unit, "StandardError", places);
  const streams = [
    input ? openSync(input, "r") : ("ignore" as const),
    out,
    error === "inherit" ? out : error,
  ];
  return { streams, close: () => new Set(streams).forEach((fd) => typeof fd === "number" && closeSync(fd)) };
};

export function makeRuntimeDirectory(unit: Unit): void {
  const name = unit.one("RuntimeDirectory");
  if (name === undefined) return;
  const folder = join("/run", name);
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, parseInt(unit.one("RuntimeDirectoryMode") ?? "0755", 8));
  const owner = unit.one("User");
  if (owner !== undefined) chownSync(folder, user(owner).uid, user(owner).gid);
}

/** As systemd: 203 when there is no such program. */
const noProgram: Exit = { code: 203, signal: null };

export function start(
  unit: Unit,
  command: Command,
  cgroup: Cgroup,
  places: Places,
  result: Record<string, string> = {},
): Started | Exit {
  const [program, ...args] = command.words;
  try {
    accessSync(program!, constants.X_OK);
  } catch {
    return noProgram;
  }
  const name = command.privileged ? undefined : unit.one("User");
  const owner = name === undefined ? null : user(name);
  const under = [
    ...(owner ? [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, "--init-groups"] : []),
    ...(!command.privileged && unit.one("NoNewPrivileges") === "yes" ? ["--no-new-privs"] : []),
  ];
  const env = {
    PATH: process.env["PATH"]!,
    ...(owner && { USER: name!, LOGNAME: name!, HOME: owner.home, SHELL: owner.shell }),
    ...environmentOf(unit),
    ...result,
  };
  const { streams, close } = streamsOf(unit, places);
  const whole = [...(under.length > 0 ? ["setpriv", ...under, "--"] : []), program!, ...args];
  const child = spawn("/bin/sh", ["-c", 'echo $$ >"$0" && exec "$@"', cgroup.procs, ...whole], {
    cwd: command.privileged ? "/" : (unit.one("WorkingDirectory")?.replace(/^-/, "") ?? "/"),
    env,
    stdio: streams,
    detached: true,
  });
  close();
  const ended = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", () => resolve(noProgram));
  });
  return { child, ended };
}
