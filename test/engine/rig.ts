/** The stack `local` of a copy of the project, on the real engine. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { realCliDeps } from "../../agent/cli/deps.ts";
import { sweep } from "../../agent/cli/local/sweep.ts";
import { realClock, waitUntil } from "../../agent/supervisor/deps.ts";
import { folder, readRecord, type Folder } from "../../agent/supervisor/folder.ts";
import { identify, isAlive } from "../../agent/supervisor/process.ts";
import { openLocalStack, type LocalStack } from "../../tools/engine/local-stack.ts";
import { copyProject, type Project } from "./project.ts";

export const token = "planted-s3cret-token";

export interface EngineRig {
  project: Project;
  stack: LocalStack;
  /** The manager's folder. */
  paths: Folder;
  /** What openLocalStack and the daemon's keeper said. */
  said: string[];
  events: () => Promise<{ event: string; pools?: Record<string, { max: number }> }[]>;
  pids: () => Promise<{ supervisor: number; manager: number }>;
  /** Ends what is left and removes the copy. */
  remove: () => Promise<void>;
}

/** With the fake manager, a GitHub address that nobody serves, and a token. */
export const makeEngineRig = async (): Promise<EngineRig> => {
  const project = await copyProject({
    fakeManager: true,
    settings: { "muster:github": { url: "http://127.0.0.1:9/acme" } },
  });
  const said: string[] = [];
  const stack = await openLocalStack({ root: project.root, log: (line) => void said.push(line) });
  await stack.setSecret("githubToken", token);
  const paths = folder(join(project.root, ".muster/local"));
  return {
    project,
    stack,
    paths,
    said,
    events: async () => {
      const text = await readFile(`${paths.directory}.events`, "utf8").catch(() => "");
      return text
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as { event: string });
    },
    pids: async () => {
      const record = (await readRecord(paths))!;
      return { supervisor: record.supervisor.pid, manager: record.manager!.pid };
    },
    remove: async () => {
      await sweep(paths.directory, null, { ...realCliDeps, say: () => {} });
      await project.remove();
    },
  };
};

export const gone = (pid: number): boolean => !isAlive(identify(pid));

/** Kills it and waits until it is gone. */
export const kill = async (...pids: number[]): Promise<void> => {
  for (const pid of pids) process.kill(pid, "SIGKILL");
  if (!(await waitUntil(() => pids.every(gone), { limitMs: 10_000 }, realClock)))
    throw new Error(`still there: ${pids.join(", ")}`);
};

/** Every file below a folder, as text by path. */
export const filesBelow = async (directory: string): Promise<Map<string, string>> => {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(files.map(async (file) => [file, await readFile(file, "latin1")] as const)),
  );
};
