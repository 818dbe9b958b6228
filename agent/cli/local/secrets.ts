/** `muster local secrets`: leaves the secrets for the supervisor, or hands changed ones to the one that runs. */
import { waitUntil } from "../../supervisor/deps.ts";
import { ensureFolder, readRecord, writeAtomic } from "../../supervisor/folder.ts";
import type { StackName } from "../../supervisor/marker.ts";
import { signal } from "../../supervisor/process.ts";
import type { CliDeps } from "../deps.ts";
import { CliError } from "../errors.ts";
import { parseSecrets } from "./settings.ts";
import { stat } from "node:fs/promises";

const takenMs = 5_000;

/** @param stack whose folder it must be; null: any manager's */
export const leaveSecrets = async (
  directory: string,
  json: string,
  deps: CliDeps,
  stack: StackName | null = null,
): Promise<void> => {
  const paths = await ensureFolder(directory, stack);
  await writeAtomic(paths.secrets, JSON.stringify(parseSecrets(json)));
  const record = await readRecord(paths);
  if (!record || !signal(record.supervisor, "SIGHUP")) return;
  const gone = () =>
    stat(paths.secrets).then(
      () => false,
      () => true,
    );
  if (!(await waitUntil(gone, { limitMs: takenMs }, deps.clock)))
    throw new CliError(
      `the supervisor (pid ${record.supervisor.pid}) did not take the new secrets within ${takenMs / 1000} s; ` +
        `see ${paths.supervisorLog}.`,
    );
};
