/** How a `run:` script becomes a command (ScriptHandler.cs, ScriptHandlerHelpers.cs). */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

const builtIn: Readonly<Record<string, { args: string; extension: string }>> = {
  bash: { args: "--noprofile --norc -e -o pipefail {0}", extension: ".sh" },
  sh: { args: "-e {0}", extension: ".sh" },
  python: { args: "{0}", extension: ".py" },
  node: { args: "{0}", extension: ".js" },
};

/** A program by its name on a PATH; null when there is none. */
export function which(name: string, path: string): string | null {
  const candidates = name.includes("/")
    ? [name]
    : path.split(delimiter).map((directory) => join(directory, name));
  for (const candidate of candidates) {
    try {
      accessSync(candidate, constants.X_OK);
      if (statSync(candidate).isFile()) return candidate;
    } catch {
      // The next one, then.
    }
  }
  return null;
}

export interface Shell {
  file: string;
  /** Holds `{0}` for the script. */
  format: string;
  extension: string;
}

/**
 * @param shell as the step or its defaults give it; null for GitHub's default: `bash -e {0}`, or `sh -e {0}` without bash.
 * @throws when the program is not there or the format has no `{0}`.
 */
export function resolveShell(shell: string | null, path: string): Shell {
  if (shell === null || shell === "") {
    const file = which("bash", path) ?? which("sh", path);
    if (file === null) throw new Error("Neither bash nor sh is on PATH.");
    return { file, format: "-e {0}", extension: ".sh" };
  }
  const [command = "", ...rest] = shell.split(" ");
  const known = builtIn[command];
  const format = rest.join(" ").trim() || known?.args;
  if (!format?.includes("{0}")) {
    throw new Error(
      "Invalid shell option. Shell must be a valid built-in (bash, sh, node, python) or a format string containing '{0}'",
    );
  }
  const file = which(command, path);
  if (file === null) throw new Error(`${command}: command not found`);
  return { file, format, extension: known?.extension ?? "" };
}

/** Splits at spaces, as quotes in a shell format are rare and then mean what they say. */
export function shellArguments({ format }: Shell, script: string): string[] {
  const words = format.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  return words.map((word) => word.replace(/^(["'])(.*)\1$/, "$2").replaceAll("{0}", script));
}
