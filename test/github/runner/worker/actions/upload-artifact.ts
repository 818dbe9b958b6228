/** actions/upload-artifact. */
import { globSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, matchesGlob, relative, resolve, sep } from "node:path";
import { upload } from "./artifact-service.ts";
import type { Action } from "./index.ts";
import { zip } from "./zip.ts";

const lines = (text: string) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);

const isDirectory = (path: string) => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** The part of a pattern before its first wildcard. */
function searchPath(pattern: string): string {
  const parts = pattern.split("/");
  const wild = parts.findIndex((part) => /[*?[]/.test(part));
  return wild < 0 ? pattern : parts.slice(0, wild).join("/") || "/";
}

/** The deepest directory that holds all. */
export function commonRoot(paths: readonly string[]): string {
  const all = paths.map((path) => path.split(sep));
  const first = all[0] ?? [];
  const differs = first.findIndex((part, index) => all.some((parts) => parts[index] !== part));
  return (differs < 0 ? first : first.slice(0, differs)).join(sep) || sep;
}

/** Whatever a directory holds, hidden names too, which glob patterns leave out. */
const filesBelow = (directory: string) =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

interface Found {
  /** Absolute, sorted. */
  files: string[];
  /** What names in the artifact are relative to. */
  root: string;
}

/** @param hidden whether names that begin with a dot come along. */
export function findFiles(workspace: string, patterns: readonly string[], hidden: boolean): Found {
  const absolute = (pattern: string) => resolve(workspace, pattern);
  const include = patterns.filter((pattern) => !pattern.startsWith("!")).map(absolute);
  const exclude = patterns
    .filter((pattern) => pattern.startsWith("!"))
    .map((pattern) => absolute(pattern.slice(1)));
  const matched = globSync(include).flatMap((path) => (isDirectory(path) ? filesBelow(path) : [path]));
  const excluded = (path: string) =>
    exclude.some((pattern) => matchesGlob(path, pattern) || matchesGlob(path, join(pattern, "**")));
  const visible = (path: string) =>
    hidden ||
    !relative(workspace, path)
      .split(sep)
      .some((part) => /^\.[^.]/.test(part));
  const files = [...new Set(matched)].filter((path) => visible(path) && !excluded(path)).sort();
  const searched = include.map(searchPath);
  if (searched.length > 1)
    return { files, root: commonRoot(searched.map((path) => (isDirectory(path) ? path : dirname(path)))) };
  const [only = workspace] = searched;
  return { files, root: isDirectory(only) ? only : dirname(only) };
}

function nothingFound(policy: string, path: string, line: (text: string) => void): void {
  const message = `No files were found with the provided path: ${path}. No artifacts will be uploaded.`;
  if (policy === "error") throw new Error(message);
  line(policy === "ignore" ? message : `::warning::${message}`);
}

export const uploadArtifact: Action = async (run) => {
  const { inputs, state, line, setOutput } = run;
  const { name = "artifact", path = "" } = inputs;
  const { files, root } = findFiles(
    state.paths.workspace,
    lines(path),
    inputs["include-hidden-files"] === "true",
  );
  if (files.length === 0) return nothingFound(inputs["if-no-files-found"] ?? "warn", path, line);
  const entries = files.map((file) => ({
    name: relative(root, file).split(sep).join("/"),
    data: readFileSync(file),
  }));
  const archive = zip(entries);
  const { id, digest } = await upload(run, name, archive, inputs["overwrite"] === "true");
  line(
    `Artifact ${name} has been successfully uploaded! ${files.length} files, ${archive.length} bytes. Artifact ID is ${id}`,
  );
  setOutput("artifact-id", id);
  setOutput("artifact-digest", digest);
};
