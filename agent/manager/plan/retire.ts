/** Idle machines: deregister what listens for nothing, end what waits for nothing. Never while its job may be coming. */
import { isDraining, type Machine } from "../world.ts";
import { runnerAt } from "./clean.ts";
import type { Draft } from "./draft.ts";
import type { PoolFigures } from "./figures.ts";

export function retirements(paper: Draft, pool: string, figures: PoolFigures): void {
  const settings = paper.world.config.pools[pool]!;
  // Strangers' jobs must not find a runner that was registered before: as in draining, what is idle goes at once.
  const draining = isDraining(paper.world, pool) || figures.refused?.reason === "public-repository";
  // Without GitHub's figures nobody knows whether a job is coming; draining ends everything idle all the same.
  if (!figures.fresh && !draining) return;
  const stays = (machine: Machine) => !paper.leaving.has(machine.id);
  const listening = figures.committed.filter((machine) => machine.stage === "listening" && stays(machine));
  const waiting = draining ? 0 : figures.waiting;
  const minIdle = draining ? 0 : settings.minIdle;

  // A busy machine that GitHub's figures call busy already must not stand for a job that waits.
  const serving = figures.committed.length + figures.busy.length + figures.stranded;
  const unneeded = draining ? Infinity : serving - figures.assigned;
  let spare = Math.max(0, Math.min(figures.committed.length - waiting, unneeded));
  for (const machine of longestIdle(listening)) {
    if (spare === 0) break;
    if (
      !draining &&
      !outdated(paper, machine) &&
      !paper.due(machine.stageMs + settings.idleTimeoutSeconds * 1_000)
    )
      continue;
    spare -= 1;
    retire(paper, machine);
  }

  replaceOutdated(paper, figures, waiting + minIdle, draining);

  // What is on its way counts as ready: the newest of them are the ones that are too many.
  const unregistered = figures.coming.filter(
    (machine) => machine.stage === "enrolled" && machine.registration === null && stays(machine),
  );
  const coming = figures.coming.filter(stays).length;
  const idle = draining ? coming : coming + figures.busy.length + figures.stranded - figures.assigned;
  let surplus = Math.max(0, Math.min(coming - waiting, idle) - minIdle);
  for (const machine of longestIdle(unregistered)) {
    if (surplus === 0) break;
    // One that always exists waits as long as it takes.
    if (machine.slot && !draining) continue;
    if (!draining && !paper.due(machine.stageMs + settings.idleTimeoutSeconds * 1_000)) continue;
    surplus -= 1;
    endIdle(paper, machine, "it was idle");
  }
}

/** Listeners of pools that are gone from the settings: nobody queues for them any more. */
export function retireUnknown(paper: Draft, machines: readonly Machine[]): void {
  for (const machine of machines) {
    if (paper.world.config.pools[machine.pool] || machine.stage !== "listening") continue;
    if (!paper.leaving.has(machine.id)) retire(paper, machine);
  }
}

/** The new ones first, unless the pool has no room for them beside the old. */
function replaceOutdated(paper: Draft, figures: PoolFigures, wanted: number, draining: boolean): void {
  const { max } = paper.world.config.pools[figures.pool]!;
  const ready = figures.coming.filter(({ stage }) => stage !== "asked" && stage !== "starting").length;
  const full = figures.alive.length >= max;
  if (!draining && ready < wanted && !full) return;
  for (const machine of figures.outdated) {
    if (!paper.leaving.has(machine.id)) endIdle(paper, machine, "its settings changed");
  }
}

function endIdle(paper: Draft, { id }: Machine, why: string): void {
  paper.leaving.add(id);
  paper.add({ key: `end:${id}`, do: "end", machine: id, why, failedBoot: false });
}

function retire(paper: Draft, machine: Machine): void {
  const runner = machine.registration
    ? runnerAt(paper, machine.registration)
    : { id: null, name: machine.id };
  paper.leaving.add(machine.id);
  paper.add({ key: `retire:${machine.id}`, do: "retire", machine: machine.id, pool: machine.pool, runner });
}

const outdated = (paper: Draft, machine: Machine) => machine.recipe !== paper.world.recipes[machine.pool];
const longestIdle = (machines: readonly Machine[]) =>
  [...machines].sort((a, b) => a.stageMs - b.stageMs || (a.id < b.id ? -1 : 1));
