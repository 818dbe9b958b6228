/** GITHUB_ENV, GITHUB_PATH, GITHUB_OUTPUT, GITHUB_STATE and GITHUB_STEP_SUMMARY of a step (FileCommandManager.cs). */
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const kinds = {
  env: "set_env",
  path: "add_path",
  output: "set_output",
  state: "save_state",
  step_summary: "step_summary",
};
type Kind = keyof typeof kinds;
export type CommandFiles = Record<Kind, string>;

/** Fresh, empty files, so that a step sees nothing of another's. */
export function createFiles(temp: string): CommandFiles {
  const directory = join(temp, "_runner_file_commands");
  mkdirSync(directory, { recursive: true });
  const id = randomUUID();
  const files = Object.entries(kinds).map(([kind, prefix]) => [kind, join(directory, `${prefix}_${id}`)]);
  for (const [, path] of files) writeFileSync(path!, "");
  return Object.fromEntries(files) as CommandFiles;
}

/** `NAME=VALUE` and `NAME<<DELIMITER`. @throws in GitHub's words on anything else. */
export function parsePairs(text: string): Map<string, string> {
  const pairs = new Map<string, string>();
  const lines = text.split(/\r?\n/);
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index]!;
    if (line === "") continue;
    const equals = line.indexOf("=");
    const heredoc = line.indexOf("<<");
    if (equals >= 0 && (heredoc < 0 || equals < heredoc)) {
      pairs.set(line.slice(0, equals), line.slice(equals + 1));
      continue;
    }
    if (heredoc < 0) throw new Error(`Invalid format '${line}'`);
    const [name, delimiter] = [line.slice(0, heredoc), line.slice(heredoc + 2)];
    if (name === "" || delimiter === "") {
      throw new Error(`Invalid format '${line}'. Name must not be empty and delimiter must not be empty`);
    }
    const end = lines.indexOf(delimiter, index + 1);
    if (end < 0) throw new Error(`Invalid value. Matching delimiter not found '${delimiter}'`);
    pairs.set(name, lines.slice(index + 1, end).join("\n"));
    index = end;
  }
  return pairs;
}

export interface FromStep {
  env: Map<string, string>;
  /** In the order in which they were added. */
  path: string[];
  outputs: Map<string, string>;
  state: Map<string, string>;
  summary: string;
  /** What could not be read, in GitHub's words. */
  problems: string[];
}

/** Reads and removes the files. */
export function readFiles(files: CommandFiles): FromStep {
  const problems: string[] = [];
  const read = (kind: Kind) => {
    try {
      return readFileSync(files[kind], "utf8");
    } catch {
      return "";
    } finally {
      rmSync(files[kind], { force: true });
    }
  };
  const pairs = (kind: Kind) => {
    try {
      return parsePairs(read(kind));
    } catch (error) {
      problems.push(`Unable to process file command '${kind}' successfully.`, (error as Error).message);
      return new Map<string, string>();
    }
  };
  const env = pairs("env");
  if (env.delete("NODE_OPTIONS")) {
    problems.push("Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.");
  }
  const path = read("path").split(/\r?\n/).filter(Boolean);
  return {
    env,
    path,
    outputs: pairs("output"),
    state: pairs("state"),
    summary: read("step_summary"),
    problems,
  };
}
