/** `::name key=value::data`: what a step may say to its runner on its output (ActionCommandManager.cs). */
import type { JobLog } from "./log.ts";
import type { Masker } from "./mask.ts";

const unescape = (text: string) =>
  text.replaceAll("%0D", "\r").replaceAll("%0A", "\n").replaceAll("%25", "%");
const unescapeProperty = (text: string) => unescape(text.replaceAll("%3A", ":").replaceAll("%2C", ","));

interface Command {
  name: string;
  properties: Record<string, string>;
  data: string;
}

export function parseLine(line: string): Command | null {
  const match = /^\s*::([\w-]+)(?: ([^:]*(?::[^:]+)*?))?::(.*)$/s.exec(line);
  if (!match) return null;
  const [, name = "", pairs = "", data = ""] = match;
  const properties = pairs
    .split(",")
    .map((pair) => pair.split(/=(.*)/s))
    .filter(([key]) => key?.trim());
  return {
    name: name.toLowerCase(),
    properties: Object.fromEntries(
      properties.map(([key, value]) => [key!.trim(), unescapeProperty(value ?? "")]),
    ),
    data: unescape(data),
  };
}

export interface StepOutput {
  /** Takes one line of a step's stdout or stderr. */
  line(text: string): void;
}

const annotations = ["error", "warning", "notice", "debug"];

/** @param set gets `::set-output` and `::save-state`, which still work on GitHub. */
export function stepOutput(
  log: JobLog,
  masker: Masker,
  set: (kind: "output" | "state", name: string, value: string) => void,
): StepOutput {
  let stopped: string | null = null;

  function execute({ name, properties, data }: Command, text: string): void {
    if (annotations.includes(name)) return log.write(`##[${name}]${data}`);
    if (name === "group" || name === "endgroup") return log.write(`##[${name}]${data}`);
    if (name === "add-mask") {
      masker.add(data);
      return log.write("::add-mask::***");
    }
    if (name === "stop-commands") stopped = data;
    else if (name === "set-output") set("output", properties["name"] ?? "", data);
    else if (name === "save-state") set("state", properties["name"] ?? "", data);
    else if (name === "set-env" || name === "add-path") {
      return log.error(`The \`${name}\` command is disabled. Please upgrade to using Environment Files.`);
    } else if (!["echo", "add-matcher", "remove-matcher"].includes(name)) log.write(text);
  }

  return {
    line: (text) => {
      const command = parseLine(text);
      if (stopped !== null && command?.name === stopped.toLowerCase()) stopped = null;
      else if (stopped !== null || command === null) log.write(text);
      else execute(command, text);
    },
  };
}
