/** Runner records by REST: made with a JIT config for a pool's labels, found by name, deleted. */
import * as z from "zod";
import { GitHubError, isPassing, unreadable } from "../errors.ts";
import type { Rest } from "../login.ts";
import { pauseMs } from "../pauses.ts";
import type { Timings } from "../timings.ts";
import type { Target } from "../url.ts";
import type { Deps } from "../../deps.ts";
import type { PoolName } from "../../world.ts";
import type { Groups } from "./groups.ts";
import type { Notes } from "./notes.ts";
import type { Points } from "./points.ts";
import { isMissing } from "./reader.ts";
import * as shapes from "./schemas.ts";

export interface RestRunnerTools {
  target: Target;
  rest: () => Rest;
  points: Points;
  groups: Groups;
  notes: Notes;
  timings: Timings;
  deps: Deps;
}
export interface RestRunners {
  /**
   * Registers a runner for one job. Where an answer was lost its record may exist: it is deleted by name and made again.
   * @throws GitHubError
   */
  mint(
    pool: { name: PoolName; labels: readonly string[]; group: string },
    name: string,
    signal: AbortSignal,
  ): Promise<{ runnerId: number; jitConfig: string }>;
  /** `gone`: GitHub has no such record (any more). `busy`: a job runs there. @throws GitHubError */
  remove(runner: { id: number | null; name: string }, signal: AbortSignal): Promise<"gone" | "busy">;
}

/** A name that is taken, or may be, is freed and tried again so often. */
const nameTries = 3;
/** Names whose registration never left are remembered: there is nothing to look for. */
const unsentMax = 1_000;

export function makeRestRunners(tools: RestRunnerTools): RestRunners {
  const { target, rest, points, groups, notes, timings, deps } = tools;
  const base = `${target.path}/actions/runners`;
  const unsent = new Set<string>();

  const find = async (name: string, signal: AbortSignal) => {
    points.read();
    const what = `looking for runner ${name}`;
    const route = `GET ${base}?name=${encodeURIComponent(name)}&per_page=100`;
    const answer = shapes.runners.safeParse(await rest().call({ what, route }, signal));
    if (!answer.success) throw unreadable(what, z.prettifyError(answer.error));
    return answer.data.items.find((runner) => runner.name.toLowerCase() === name.toLowerCase()) ?? null;
  };
  const erase = async (id: number, name: string, signal: AbortSignal): Promise<"gone" | "busy"> => {
    const what = `removing runner ${name}`;
    await points.write(what, signal);
    try {
      await rest().call({ what, route: `DELETE ${base}/${id}` }, signal);
      return "gone";
    } catch (error) {
      if (error instanceof GitHubError && error.status === 422) return "busy";
      if (!isMissing(error)) throw error;
      // 404 is also the answer to a login that may not see runners: only a list that lacks it says that it is gone.
      const still = await find(name, signal);
      if (still?.id === id) throw error;
      return "gone";
    }
  };

  return {
    mint: async ({ name: pool, labels, group }, name, signal) => {
      const what = `registering runner ${name}`;
      unsent.add(name);
      if (unsent.size > unsentMax) unsent.delete(unsent.keys().next().value!);
      const groupId = await groups.idOf(group, signal);
      for (let tries = 1; ; tries += 1) {
        await points.write(what, signal);
        unsent.delete(name);
        // Known before it exists: whatever comes of the call, the record is ours to delete.
        if (notes.poolOf(name) === undefined) notes.registered({ name, pool });
        try {
          const body = { name, runner_group_id: groupId, labels: [...labels], work_folder: "_work" };
          const route = `POST ${base}/generate-jitconfig`;
          const answer = shapes.jitConfig.safeParse(
            await rest().call({ what, route, body, once: true }, signal),
          );
          if (!answer.success) throw unreadable(what, z.prettifyError(answer.error));
          const { runner, encoded_jit_config: jitConfig } = answer.data;
          return { runnerId: runner.id, jitConfig };
        } catch (error) {
          const known = error instanceof GitHubError ? error : null;
          if (known?.status === 422 || known?.status === 404) groups.forget();
          const taken = known?.status === 409;
          if (signal.aborted || tries >= nameTries || !(taken || isPassing(error)))
            throw await groups.explain(error, group, signal);
          if (!taken)
            await deps.clock.sleep(
              pauseMs(tries, timings.retryFirstMs, timings.retryMsMax, deps.random),
              signal,
            );
          const existing = await find(name, signal);
          if (!existing) continue;
          if ((await erase(existing.id, name, signal)) === "busy")
            throw new GitHubError(`${what}: a runner of this name runs a job`, {
              reason: "bad-request",
              status: 409,
            });
        }
      }
    },

    remove: async ({ id, name }, signal) => {
      const known = id ?? (unsent.has(name) ? null : (await find(name, signal))?.id) ?? null;
      const outcome = known === null ? "gone" : await erase(known, name, signal);
      if (outcome === "gone") notes.removed(name);
      return outcome;
    },
  };
}
