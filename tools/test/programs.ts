/** The programs that a tier needs beyond Node and the packages: whether they are here, and where they come from. */
import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import type { Missing } from "./report.ts";
import type { ToolName } from "./tiers.ts";

export type Program = Exclude<ToolName, "engine" | "actionlint" | "moto">;

const isExecutable = async (file: string): Promise<boolean> => {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Whether a program of this name is on PATH. */
export const onPath = async (program: string, path = process.env["PATH"] ?? ""): Promise<boolean> => {
  const folders = path.split(delimiter).filter((folder) => folder !== "");
  const found = await Promise.all(folders.map((folder) => isExecutable(join(folder, program))));
  return found.includes(true);
};

const run = (file: string, args: readonly string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    const options = { timeout: 300_000, env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } };
    execFile(file, args, options, (error) => (error === null ? resolve() : reject(error)));
  });

/** What installs a system package here; null where it is not apt, which is the only one that we drive ourselves. */
const installer = async (isRoot: boolean): Promise<readonly string[] | null> => {
  if (!(await onPath("apt-get"))) return null;
  if (isRoot) return ["apt-get", "install", "-y"];
  return (await onPath("sudo")) ? ["sudo", "-n", "apt-get", "install", "-y"] : null;
};

/** The command that a person types to get a program; packages have the programs' names on the common distributions. */
export const cureFor = (program: Program): string => `sudo apt-get install -y ${program}`;

/**
 * Looks for a program and, where that is allowed, installs it.
 * @returns null when it is here (now)
 */
export const lacks = async (program: Program, mayInstall: boolean): Promise<Missing | null> => {
  if (await onPath(program)) return null;
  const missing = { why: `${program} is not on PATH.`, cure: cureFor(program) };
  if (!mayInstall) return missing;
  const install = await installer(process.getuid?.() === 0);
  if (install === null) return missing;
  try {
    await run(install[0]!, [...install.slice(1), program]);
  } catch (error) {
    return { ...missing, why: `${missing.why} Installing it failed: ${(error as Error).message}` };
  }
  return (await onPath(program)) ? null : missing;
};
