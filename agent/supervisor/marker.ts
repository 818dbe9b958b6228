/**
 * Which folder is a manager's: the one that says so in a marker file. Nothing is written into another folder, and none
 * is ever removed, since `muster:manager.directory` may name any folder of this computer.
 */
import { chmod, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeAtomic } from "./write-atomic.ts";

export interface StackName {
  project: string;
  name: string;
}

/** A folder that is not this manager's; people can cure it. */
export class FolderError extends Error {
  override name = "FolderError";
}

export type Ownership =
  | { kind: "missing" | "empty" | "foreign" }
  /** `stack` is null where the folder does not say whose it is. */
  | { kind: "ours"; stack: StackName | null; marked: boolean };

const markerName = "muster.json";
export const markerOf = (directory: string): string => join(directory, markerName);
const isDraft = (name: string) => name.startsWith(`${markerName}.`) && name.endsWith(".new");

const readJson = async (file: string): Promise<Record<string, unknown> | null> => {
  try {
    const value: unknown = JSON.parse(await readFile(file, "utf8"));
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
};
const stackName = (project: unknown, name: unknown): StackName | null =>
  typeof project === "string" && typeof name === "string" ? { project, name } : null;

/** @throws Error when the folder cannot be read */
export const ownership = async (directory: string): Promise<Ownership> => {
  let names: string[];
  try {
    names = await readdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return { kind: "missing" };
    if (code === "ENOTDIR") return { kind: "foreign" };
    throw error;
  }
  if (names.every(isDraft)) return { kind: "empty" };
  const marker = await readJson(markerOf(directory));
  if (marker && "project" in marker && "stack" in marker)
    return { kind: "ours", stack: stackName(marker.project, marker.stack), marked: true };
  // Older managers left no marker, but settings that name the stack.
  const settings = await readJson(join(directory, "settings.json"));
  const { project, name } = (settings?.stack ?? {}) as Record<string, unknown>;
  const stack = settings?.manager === undefined ? null : stackName(project, name);
  return stack ? { kind: "ours", stack, marked: false } : { kind: "foreign" };
};

const text = ({ project, name }: StackName) => `the stack ${name} of the project ${project}`;

export const foreign = (directory: string): FolderError =>
  new FolderError(
    `${directory} is not a folder of muster: it holds other files and no ${markerName}. Allowed is a folder that is ` +
      `empty or not there yet: pulumi config set --path muster:manager.directory FOLDER`,
  );

/**
 * Makes the folder and marks it.
 * @param stack null: not known here; any manager's folder will do
 * @throws FolderError when it is another stack's, or holds anything else
 */
export const claim = async (directory: string, stack: StackName | null): Promise<void> => {
  const found = await ownership(directory);
  if (found.kind === "foreign") throw foreign(directory);
  const owner = found.kind === "ours" ? found.stack : null;
  if (owner && stack && (owner.project !== stack.project || owner.name !== stack.name))
    throw new FolderError(
      `${directory} belongs to ${text(owner)}, not to ${text(stack)}. Choose another one: ` +
        `pulumi config set --path muster:manager.directory FOLDER -s ${stack.name}`,
    );
  if (found.kind === "ours" && found.marked && (owner || !stack)) return;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (found.kind === "empty") await chmod(directory, 0o700);
  const known = owner ?? stack;
  const marker = { project: known?.project ?? null, stack: known?.name ?? null };
  await writeAtomic(markerOf(directory), `${JSON.stringify(marker)}\n`);
};
