/** Graphics processors: what a machine says of its own, and what a pool wants. Pure. */
import type { PoolConfig } from "../manager-config.ts";
import type { Gpu } from "../protocol.ts";
import type { Machine, World } from "./world.ts";

type Wish = Pick<PoolConfig, "gpu"> | undefined;

/** As the agent last said; null where it never did: it has not enrolled, or is of a version that does not say. */
export const gpusOf = (world: World, machine: Machine): readonly Gpu[] | null =>
  world.reports[machine.id]?.usage?.gpus ?? world.machines[machine.id]?.host?.gpus ?? null;

/** What plan decides by, as a word: a report that changes nothing of it need not be planned for. */
export const gpuFitness = (world: World, id: string): string =>
  (world.reports[id]?.usage?.gpus ?? []).map(({ vendor, health }) => `${vendor} ${health}`).join();

const fits = (pool: Wish, { vendor }: Gpu) => pool?.gpu === true || pool?.gpu === vendor;

/** Whether a machine may serve this pool's jobs; true for every machine where the pool does not care. */
export const hasWanted = (pool: Wish, gpus: readonly Gpu[] | null): boolean =>
  !pool?.gpu || (gpus ?? []).some((gpu) => gpu.health === "ok" && fits(pool, gpu));

export interface GpuProblem {
  why: string;
  /** The device is there and may only want its driver to come up; false: nothing will change it. */
  mayPass: boolean;
}

/** Why a machine cannot serve this pool's jobs; null while it can, and while the agent still looks: that has a limit of its own. */
export function gpuProblem(pool: Wish, gpus: readonly Gpu[] | null): GpuProblem | null {
  if (!pool?.gpu || hasWanted(pool, gpus)) return null;
  const wanted = pool.gpu === true ? "GPU" : `GPU of ${pool.gpu}`;
  if (gpus === null) return { why: `its agent does not say whether it has a ${wanted}`, mayPass: false };
  const fitting = gpus.filter((gpu) => fits(pool, gpu));
  if (fitting.some(({ health }) => health === "checking")) return null;
  const first = fitting[0];
  if (first) {
    const reason = first.problem ?? "no reason given";
    return { why: `its ${first.model} does not work (${reason})`, mayPass: true };
  }
  const others = [...new Set(gpus.map(({ model }) => model))].join(", ");
  return { why: `it has no ${wanted}${others === "" ? "" : `, only ${others}`}`, mayPass: false };
}

/** Words in a driver's name for a device that say who makes it, how it is built and how large it is, not which it is. */
const noise =
  /\b(nvidia|amd|intel|tesla|geforce|quadro|radeon|pro|instinct|arc|graphics|sxm\d*|pcie|hbm\d*|nvl|\d+gb)\b|\((r|tm)\)/gi;

/**
 * Labels that say what a machine has: `gpu`, the vendors, the models (`t4g`, `a100`, `rtx-4090`), of those that work. For
 * people and for warnings: at GitHub labels belong to a pool, and are in its settings.
 */
export function gpuLabels(gpus: readonly Gpu[]): string[] {
  const working = gpus.filter(({ health }) => health === "ok");
  if (working.length === 0) return [];
  const models = working.map(({ model }) =>
    model
      .replaceAll(noise, " ")
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-|-$/g, "")
      .slice(0, 64),
  );
  return [...new Set(["gpu", ...working.map(({ vendor }) => vendor), ...models])].filter(Boolean);
}

/** Labels by which people ask for a graphics processor. */
const asksForGpu = /(^|[-_.])(gpu|cuda|nvidia|rocm)([-_.]|\d|$)/i;

/**
 * A pool whose labels promise what its machines do not have, in a sentence; null where they do not, where nothing is
 * known yet, and where `gpu` keeps such machines out.
 */
export function labelWarning(pool: PoolConfig, machines: readonly (readonly Gpu[] | null)[]): string | null {
  const label = pool.labels.find((name) => asksForGpu.test(name));
  if (label === undefined || pool.gpu !== null) return null;
  const known = machines.filter((gpus) => gpus !== null);
  const settled = known.filter((gpus) => !gpus.some(({ health }) => health === "checking"));
  const without = settled.filter((gpus) => gpuLabels(gpus).length === 0).length;
  if (without === 0) return null;
  return (
    `Its label ${label} promises a GPU, and ${without} of its ${known.length} machines ` +
    `${without === 1 ? "has" : "have"} none that works: set gpu: true, so that such machines are not registered, ` +
    `or take the label away.`
  );
}
