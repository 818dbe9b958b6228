/** actions/download-artifact, for artifacts of the same run. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, matchesGlob, relative, resolve } from "node:path";
import { download, list, type Artifact } from "./artifact-service.ts";
import type { Action, ActionRun } from "./index.ts";
import { unzip } from "./zip.ts";

const elsewhere = ["github-token", "repository", "run-id", "artifact-ids"];

async function unpack(run: ActionRun, artifact: Artifact, directory: string): Promise<void> {
  const entries = unzip(await download(run, artifact));
  for (const { name, data } of entries) {
    const file = resolve(directory, name);
    if (relative(directory, file).startsWith(".."))
      throw new Error(`${artifact.name} holds ${name}, which leads outside.`);
    mkdirSync(dirname(file), { recursive: true });
    if (!name.endsWith("/")) writeFileSync(file, data);
  }
  run.line(`Artifact ${artifact.name}: ${entries.length} files`);
}

export const downloadArtifact: Action = async (run) => {
  const { inputs, state, setOutput } = run;
  const asked = elsewhere.filter((input) => inputs[input]);
  if (asked.length > 0) {
    throw new Error(
      `The simulated actions/download-artifact knows only the run's own artifacts, not ${asked.join(", ")}.`,
    );
  }
  const directory = resolve(state.paths.workspace, inputs["path"] ?? "");
  mkdirSync(directory, { recursive: true });
  setOutput("download-path", directory);
  const { name, pattern } = inputs;
  const found = await list(run, name || undefined);
  if (name) {
    const [artifact] = found;
    if (!artifact) throw new Error(`Unable to download artifact(s): Artifact not found for name: ${name}`);
    return unpack(run, artifact, directory);
  }
  const wanted = found.filter((artifact) => !pattern || matchesGlob(artifact.name, pattern));
  run.line(`${wanted.length} artifacts`);
  for (const artifact of wanted) {
    await unpack(
      run,
      artifact,
      inputs["merge-multiple"] === "true" ? directory : join(directory, artifact.name),
    );
  }
};
