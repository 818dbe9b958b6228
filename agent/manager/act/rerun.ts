/** One run with lost jobs: looked at, judged, and, where GitHub can take it now, run again. */
import type { Acting } from "../act.ts";
import { deadline } from "../deps.ts";
import { isOpenLoss } from "../losses.ts";
import type { Action } from "../plan.ts";
import { decideRerun } from "../plan/rerun-decision.ts";

/** Resolves with whether it came out well; every outcome is a fact by then. */
export async function rerun(
  acting: Acting,
  { repository, run, pool }: Extract<Action, { do: "rerun" }>,
): Promise<boolean> {
  const { github, report } = acting;
  const losses = () =>
    Object.values(acting.world().losses).filter((loss) => loss.run === run && loss.repository === repository);
  const open = () =>
    losses()
      .filter(isOpenLoss)
      .map(({ id }) => id);
  const failed = (error: unknown, ids: readonly string[], sent: boolean) => {
    const certain = github.hadNoEffect(error);
    const failure = github.classify(error, pool);
    report({ is: "rerun-failed", losses: ids, failure, sent, certain, busy: false });
    return false;
  };
  let seen;
  try {
    seen = await within(acting, `looking at run ${run} of ${repository}`, (signal) =>
      github.seeRun(repository, run, open(), signal),
    );
  } catch (error) {
    return failed(error, open(), false);
  }
  const rememberedMs = acting.world().completeSinceMs;
  const { verdicts, call } = decideRerun({ run: seen, losses: losses(), rememberedMs });
  report({ is: "rerun-judged", verdicts });
  if (call === null) return true;
  const wanted = new Set(open());
  const ids = call.losses.filter((id) => wanted.has(id));
  if (ids.length < call.losses.length) return true; // settings changed meanwhile: the next look decides
  if (!report({ is: "rerun-asked", losses: ids })) {
    const detail = "the journal cannot be written";
    const failure = { ...github.classify(new Error(detail), pool), reason: "unavailable", detail } as const;
    report({ is: "rerun-failed", losses: ids, failure, sent: true, certain: true, busy: false });
    return false;
  }
  try {
    const outcome = await within(acting, `running jobs of run ${run} of ${repository} again`, (signal) =>
      github.rerun(repository, run, call, signal),
    );
    if (outcome === "taken") return report({ is: "rerun-made", losses: ids });
    const failure = github.classify(new Error("the run is in progress"), pool);
    return report({ is: "rerun-failed", losses: ids, failure, sent: true, certain: true, busy: true });
  } catch (error) {
    return failed(error, ids, true);
  }
}

async function within<T>(
  { deps, limits }: Acting,
  what: string,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = deadline(deps.clock, limits.rerunTimeoutMs, what);
  try {
    return await call(limit.signal);
  } finally {
    limit.done();
  }
}
