/** The runner archive for downloads: the stand-in's, built on first use in a folder of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunnerArchive } from "../options.ts";

export interface ArchiveSource {
  get(): Promise<RunnerArchive>;
  /** Removes what was built. */
  dispose(): Promise<void>;
}

async function build(directory: string): Promise<RunnerArchive> {
  const { buildRunnerArchive } = await import("../runner/archive.ts");
  return buildRunnerArchive({ directory });
}

export function archiveSource(given: (() => Promise<RunnerArchive>) | undefined): ArchiveSource {
  let directory: Promise<string> | null = null;
  let built: Promise<RunnerArchive> | null = null;
  const standIn = async () => {
    directory ??= mkdtemp(join(tmpdir(), "muster-github-"));
    return build(await directory);
  };
  return {
    get: () => {
      if (built) return built;
      const building = (given ?? standIn)();
      built = building;
      // A failed build may be asked for again.
      building.catch(() => (built = null));
      return building;
    },
    dispose: async () => {
      await built?.catch(() => undefined);
      if (directory) await rm(await directory, { recursive: true, force: true });
    },
  };
}
