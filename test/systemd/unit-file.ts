/** Unit files as systemd reads them: drop-ins, lists that an empty value clears, command lines. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Unit {
  name: string;
  /** Every value of a key, in order; sections do not matter, since no key stands in two. */
  all(key: string): string[];
  /** The last one. */
  one(key: string): string | undefined;
}

const folder = "/etc/systemd/system";

/** @throws when there is no such file */
export function readUnit(name: string): Unit {
  const main = readFileSync(join(folder, name), "utf8");
  let dropIns: string[] = [];
  try {
    dropIns = readdirSync(join(folder, `${name}.d`)).sort();
  } catch {
    // Most have none.
  }
  const texts = [main, ...dropIns.map((file) => readFileSync(join(folder, `${name}.d`, file), "utf8"))];
  const values = new Map<string, string[]>();
  for (const line of texts.join("\n").split("\n")) {
    const [, key, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (key) values.set(key, value === "" ? [] : [...(values.get(key) ?? []), value!]);
  }
  const all = (key: string) => values.get(key) ?? [];
  return { name, all, one: (key) => all(key).at(-1) };
}

/** `-`: there may be none. Read anew before each command, as systemd does. */
export function environmentOf(unit: Unit): Record<string, string> {
  const files = unit.all("EnvironmentFile").map((file) => {
    try {
      return readFileSync(file.replace(/^-/, ""), "utf8");
    } catch (error) {
      if (file.startsWith("-")) return "";
      throw error;
    }
  });
  const lines = [...unit.all("Environment"), ...files.flatMap((text) => text.split("\n"))];
  const pairs = lines.flatMap((line) => {
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    return name ? [[name, value!.replace(/^(["'])(.*)\1$/, "$2")] as const] : [];
  });
  return Object.fromEntries(pairs);
}

export interface Command {
  words: string[];
  /** `-`: its failure is none. */
  mayFail: boolean;
  /** `+`: as root, whatever the unit says. */
  privileged: boolean;
}

/** `$NAME` as a word of its own and `${NAME}` anywhere are replaced; all else is the program's affair. */
export function commandOf(line: string, env: Record<string, string>): Command {
  const [, prefix, rest] = /^([-+@:!]*)(.*)$/.exec(line)!;
  const words = [...rest!.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].flatMap(([, double, single, plain]) => {
    const word = double ?? single ?? plain!;
    const name = /^\$(\w+)$/.exec(word)?.[1];
    if (name) return (env[name] ?? "").split(/\s+/).filter((part) => part !== "");
    return [word.replace(/\$\{(\w+)\}/g, (_, name: string) => env[name] ?? "")];
  });
  return { words, mayFail: prefix!.includes("-"), privileged: prefix!.includes("+") };
}

/** `30`, `5s`, `10min`, in milliseconds. */
export function timeOf(text: string): number {
  const [, number, unit] = /^([\d.]+)\s*(ms|s|sec|min|h)?$/.exec(text) ?? [];
  if (number === undefined) throw new Error(`not a time that the player knows: ${text}`);
  return Number(number) * { ms: 1, s: 1_000, sec: 1_000, min: 60_000, h: 3_600_000 }[unit ?? "s"]!;
}
