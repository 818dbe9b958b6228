/** What GET /healthz of the local manager says. */
import * as z from "zod";
import type { ManagerConfig } from "../../manager-config.ts";
import type { CliDeps } from "../deps.ts";

const body = z.object({
  ok: z.boolean(),
  configHash: z.string(),
  managerBundle: z.string(),
  pid: z.number(),
  startedMs: z.number(),
});
export type Health = z.infer<typeof body>;

export const address = (config: ManagerConfig): string => `http://127.0.0.1:${config.manager.port}`;

const limitMs = 2_000;

/** The answer, or in words why there is none. */
export const health = async (config: ManagerConfig, deps: CliDeps): Promise<Health | { problem: string }> => {
  const late = new AbortController();
  const answered = new AbortController();
  void deps.clock.sleep(limitMs, answered.signal).then(() => late.abort());
  try {
    const answer = await deps.fetch(`${address(config)}/healthz`, { signal: late.signal });
    const parsed = body.safeParse(await answer.json().catch(() => null));
    if (!parsed.success) return { problem: `port ${config.manager.port} is served by something else` };
    return answer.ok ? parsed.data : { problem: `the manager answers ${answer.status}: not ready` };
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    if (late.signal.aborted) return { problem: `no answer within ${limitMs / 1000} s` };
    return {
      problem: cause?.code === "ECONNREFUSED" ? "nothing listens yet" : (cause?.message ?? String(error)),
    };
  } finally {
    answered.abort();
  }
};
