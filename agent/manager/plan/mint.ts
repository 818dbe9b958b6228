/** Registrations: a JIT config ages badly, so one is minted only for a job that waits and a machine that is ready. */
import { admits, githubScope } from "../circuit.ts";
import { gpusOf, hasWanted } from "../gpus.ts";
import { circuitKey, isDraining, runnerName, servesAgain } from "../world.ts";
import type { Draft } from "./draft.ts";
import type { PoolFigures } from "./figures.ts";

export function mints(paper: Draft, pool: string, figures: PoolFigures): void {
  const { world, limits, now } = paper;
  // A registration that could be forgotten is not asked for.
  if (!figures.fresh || isDraining(world, pool) || figures.refused || !world.journalWritable) return;
  let wanted = figures.waiting - figures.committed.filter(({ id }) => !paper.leaving.has(id)).length;
  if (wanted <= 0) return;
  const circuit = world.circuits[circuitKey(githubScope(pool))];
  const admission = admits(circuit, now);
  if (admission === "none") return void paper.due(circuit!.untilMs);
  if (admission === "one") wanted = Math.min(wanted, 1);
  for (const machine of figures.coming) {
    if (wanted === 0) return;
    const report = world.reports[machine.id];
    const ready = machine.stage === "enrolled" && machine.registration === null && report?.phase === "ready";
    // One life a job: whatever its agent says, a machine for one job is not registered after it.
    if (machine.job !== null && !servesAgain(world, machine)) continue;
    // Its graphics processors may still be looked at.
    if (!hasWanted(world.config.pools[pool], gpusOf(world, machine))) continue;
    if (!ready || paper.leaving.has(machine.id) || now - report.atMs > limits.syncLateMs) continue;
    wanted -= 1;
    const life = machine.life + 1;
    paper.add({
      key: `mint:${machine.id}:${life}`,
      do: "mint",
      machine: machine.id,
      pool,
      life,
      name: runnerName(machine.id, life),
    });
  }
}
