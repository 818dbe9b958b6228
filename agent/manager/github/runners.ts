/** Runner records: made with a JIT config, deleted when their machine is finished with. */
import { GitHubError } from "./errors.ts";
import type { Owned } from "./owned.ts";
import type { Agent } from "./schemas.ts";
import type { Service } from "./service.ts";
import type { ScaleSetRef } from "./sets.ts";

export interface RunnerTools {
  service: Service;
  owned: Pick<Owned, "sets">;
}

/** A name that is taken is freed and tried again so often. */
const nameTries = 3;

/**
 * Registers a runner for one job in the set. Where the name exists already the record of an attempt whose answer was
 * lost is deleted first (ARC's recovery, github.md 2).
 * @throws SetGone; GitHubError `bad-request` when a set of somebody else has a runner of that name
 */
export async function mint(
  set: ScaleSetRef,
  name: string,
  { service, owned }: RunnerTools,
  signal: AbortSignal,
): Promise<{ runnerId: number; jitConfig: string }> {
  for (let tries = 1; ; tries += 1) {
    try {
      const { runner, encodedJITConfig } = await service.generateJitConfig(set.id, name, signal);
      return { runnerId: runner.id, jitConfig: encodedJITConfig };
    } catch (error) {
      const taken = error instanceof GitHubError && (error.status === 409 || /AgentExists/.test(error.type));
      if (!taken || tries >= nameTries) throw error;
      const existing = await service.agentByName(name, signal);
      if (!existing) continue;
      if (!isOurs(existing, owned)) {
        const message = `registering runner ${name}: a runner of another scale set (${existing.runnerScaleSetId}) has this name`;
        throw new GitHubError(message, { reason: "bad-request", status: 409 });
      }
      await service.deleteAgent(existing.id, signal);
    }
  }
}

const isOurs = ({ runnerScaleSetId }: Agent, owned: RunnerTools["owned"]) =>
  // Not every answer names the set; the name itself holds a launch's id and is ours alone.
  runnerScaleSetId === null || owned.sets().some(({ id }) => id === runnerScaleSetId);

/** `gone`: GitHub has no such record (any more). `busy`: a job runs there. @throws GitHubError */
export async function remove(
  runner: { id: number | null; name: string },
  { service, owned }: RunnerTools,
  signal: AbortSignal,
): Promise<"gone" | "busy"> {
  const found = runner.id === null ? await service.agentByName(runner.name, signal) : null;
  // Of a name alone: somebody else's record is none of this stack's.
  const id = runner.id ?? (found && isOurs(found, owned) ? found.id : undefined);
  if (id === undefined) return "gone";
  try {
    await service.deleteAgent(id, signal);
    return "gone";
  } catch (error) {
    if (isBusy(error)) return "busy";
    throw error;
  }
}

/** JobStillRunningException from the service, 422 from REST. */
const isBusy = (error: unknown) =>
  error instanceof GitHubError && (/JobStillRunning/.test(error.type) || error.status === 422);
