/**
 * actions/checkout: the files that git knows of in the simulator's source directory (tracked, and new ones that are
 * not ignored), as they lie there now, and its history. Ignored files, such as node_modules, do not come along: a
 * step finds them below `github.workspace_source`.
 */
import { constants } from "node:fs";
import { copyFile, cp, lstat, mkdir, readdir, readlink, rm, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { githubOf } from "../state.ts";
import { capture } from "./capture.ts";
import type { Action, ActionRun } from "./index.ts";

const parallel = 32;

/** Only what the source directory holds can be checked out. */
function refuseOthers({ inputs, state }: ActionRun): void {
  const github = githubOf(state.message);
  const { repository, ref } = inputs;
  if (repository && repository !== github["repository"]) {
    throw new Error(
      `The simulated actions/checkout has only ${String(github["repository"])}, not ${repository}.`,
    );
  }
  const present = ["ref", "ref_name", "sha"].map((key) => String(github[key] ?? ""));
  if (ref && !present.includes(ref)) {
    throw new Error(
      `The simulated actions/checkout has only what lies in the source directory now, not ref ${ref}.`,
    );
  }
}

/** `rm -rf` of what is inside: the directory itself may be somebody's working directory. */
async function empty(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const entries = await readdir(directory);
  await Promise.all(entries.map((entry) => rm(join(directory, entry), { recursive: true, force: true })));
}

async function copyOne(from: string, to: string): Promise<void> {
  // A file may be deleted but still known to git, or vanish meanwhile; a submodule is a directory.
  const stat = await lstat(from).catch(() => null);
  if (stat?.isSymbolicLink()) return symlink(await readlink(from), to);
  if (stat?.isFile()) await copyFile(from, to, constants.COPYFILE_FICLONE);
}

async function copyFiles(source: string, target: string, files: readonly string[]): Promise<void> {
  const directories = new Set(files.map((file) => dirname(file)));
  for (const directory of directories) await mkdir(join(target, directory), { recursive: true });
  const queue = [...new Set(files)];
  const worker = async () => {
    for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
      await copyOne(join(source, file), join(target, file));
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
}

/** Null when the source is no git repository. */
async function knownFiles(git: Git, source: string): Promise<string[] | null> {
  const list = await git(["-C", source, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
  return list.code === 0 ? list.stdout.split("\0").filter(Boolean) : null;
}

type Git = (args: string[]) => ReturnType<typeof capture>;

/** The source may belong to another user than the job's. */
const gitOf =
  ({ cancel, env }: ActionRun): Git =>
  (args) =>
    capture("git", ["-c", "safe.directory=*", ...args], { env, cancel });

/** History by reference: no object is copied. False when the source has none of its own. */
async function cloneHistory(git: Git, source: string, target: string): Promise<boolean> {
  const clone = await git(["clone", "--quiet", "--no-checkout", "--shared", "--", source, target]);
  return clone.code === 0;
}

export const checkout: Action = async (run) => {
  const { inputs, state, line } = run;
  refuseOthers(run);
  const given = githubOf(state.message)["workspace_source"];
  if (typeof given !== "string" || given === "") {
    throw new Error(
      "The simulator was started without a source directory (workspaceSource): there is nothing to check out.",
    );
  }
  const source = resolve(given);
  const target = resolve(state.paths.workspace, inputs["path"] ?? "");
  const git = gitOf(run);
  line(`actions/checkout is simulated: copying ${source}`);
  await empty(target);
  const files = await knownFiles(git, source);
  if (files === null) {
    // Entry by entry, for the target may lie inside the source: below its .muster.
    const ignored = new Set(["node_modules", ".git", ".muster"]);
    for (const entry of await readdir(source)) {
      if (!ignored.has(entry)) await cp(join(source, entry), join(target, entry), { recursive: true });
    }
    return line("The source is no git repository: everything but node_modules and .muster was copied.");
  }
  const history = await cloneHistory(git, source, target);
  await copyFiles(source, target, files);
  if (history) await git(["-C", target, "reset", "--quiet"]);
  const head = await git(["-C", target, "log", "-1", "--format=%H"]);
  const commit = head.code === 0 && history ? head.stdout.trim() : "";
  line(`${files.length} files${commit === "" ? "" : ` at ${commit}`}`);
  run.setOutput("commit", commit);
  run.setOutput("ref", String(githubOf(state.message)["ref"] ?? ""));
};
