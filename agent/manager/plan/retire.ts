/** Idle machines: deregister what listens for nothing, end what waits for nothing. Never while its job may be coming. */
import type { Machine } from "../world.ts";
import type { Draft } from "./draft.ts";
import type { PoolFigures } from "./figures.ts";

export function retirements(paper: Draft, pool: string, figures: PoolFigures): void {
  const settings = paper.world.config.pools[pool]!;
  const { draining } = paper.world;
  // Without GitHub's figures nobody knows whether a job is coming; draining ends everything idle all the same.
  if (!figures.fresh && !draining) return;
  const stays = (machine: Machine) => !paper.leaving.has(machine.id);
  const listening = figures.committed.filter((machine) => machine.stage === "listening" && stays(machine));
  const waiting = draining ? 0 : figures.waiting;
  const minIdle = draining ? 0 : settings.minIdle;

  let spare = Math.max(0, figures.committed.length - waiting);
  for (const machine of longestIdle(listening)) {
    if (spare === 0) break;
    if (
      !draining &&
      !outdated(paper, machine) &&
      !paper.due(machine.stageMs + settings.idleTimeoutSeconds * 1_000)
    )
      continue;
    spare -= 1;
    const { id, name } = machine.registration ?? { id: null, name: machine.id };
    paper.leaving.add(machine.id);
    paper.add({ key: `retire:${machine.id}`, do: "retire", machine: machine.id, pool, runner: { id, name } });
  }

  // What is on its way counts as ready: the newest of them are the ones that are too many.
  const unregistered = figures.coming.filter(
    (machine) => machine.stage === "enrolled" && machine.registration === null && stays(machine),
  );
  let surplus = Math.max(0, figures.coming.filter(stays).length - waiting - minIdle);
  for (const machine of longestIdle(unregistered)) {
    if (surplus === 0) break;
    const old = outdated(paper, machine);
    if (!draining && !old && !paper.due(machine.stageMs + settings.idleTimeoutSeconds * 1_000)) continue;
    surplus -= 1;
    paper.leaving.add(machine.id);
    paper.add({
      key: `end:${machine.id}`,
      do: "end",
      machine: machine.id,
      why: old ? "its settings changed" : "it was idle",
      failedBoot: false,
    });
  }
}

const outdated = (paper: Draft, machine: Machine) => machine.recipe !== paper.world.recipes[machine.pool];
const longestIdle = (machines: readonly Machine[]) =>
  [...machines].sort((a, b) => a.stageMs - b.stageMs || (a.id < b.id ? -1 : 1));
