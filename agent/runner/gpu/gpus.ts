/** This machine's graphics processors: found once, looked at again beside the syncs, never waited for. */
import type { Gpu } from "../../protocol.ts";
import type { Deps } from "../deps.ts";
import { messageOf } from "../errors.ts";
import type { Limits } from "../limits.ts";
import {
  fail,
  hasNvidiaNode,
  makeAskSmi,
  mayHaveNvidia,
  readSmi,
  unknown,
  type AskSmi,
  type Smi,
} from "./nvidia.ts";
import { kernelGpu, modelOf, pciGpus, type Places } from "./pci.ts";

export interface Gpus {
  /** What is known now. */
  now(): Gpu[];
  /** Looks again unless the last look was a moment ago. Resolves with whether anybody's health changed. */
  look(): Promise<boolean>;
}

const silent = (error: unknown): Smi => ({
  code: null,
  output: "",
  problem: `nvidia-smi cannot be started: ${messageOf(error)}`,
});

/** @param ask another nvidia-smi, for tests */
export function findGpus(places: Places, limits: Limits, deps: Deps, ask?: AskSmi): Gpus {
  const onBus = pciGpus(places);
  const nvidia = onBus.filter(({ vendor }) => vendor === "nvidia");
  const others = onBus.filter(({ vendor }) => vendor !== "nvidia");
  const asks = nvidia.length > 0 || mayHaveNvidia(places);
  const askSmi = ask ?? makeAskSmi(deps.env, limits.gpuLookMs, deps.clock);
  const shown = () => others.map((gpu) => kernelGpu(gpu, places));
  let known: Gpu[] = [...nvidia.map((gpu) => ({ ...unknown(null), model: modelOf(gpu) })), ...shown()];
  let firstErrors: (number | null)[] | null = null;
  let looking: Promise<boolean> | null = null;
  let lookedMs = -Infinity;

  const lookAgain = async (): Promise<boolean> => {
    const before = known;
    const asked = asks
      ? readSmi(await askSmi().catch(silent), nvidia.length, hasNvidiaNode(places))
      : { gpus: [], errors: [] };
    firstErrors ??= asked.errors;
    asked.gpus.forEach((gpu, index) => {
      const [first, errors] = [firstErrors![index] ?? null, asked.errors[index] ?? null];
      // Those from before this machine's first job are not its own.
      if (first !== null && errors !== null && errors > first)
        fail(gpu, `its memory's uncorrected errors grew from ${first} to ${errors}`);
      const bus = nvidia[index];
      if (bus && gpu.model === "NVIDIA") gpu.model = modelOf(bus);
    });
    known = [...asked.gpus, ...shown()].slice(0, 16);
    const words = (gpus: readonly Gpu[]) =>
      JSON.stringify(gpus.map(({ health, problem }) => [health, problem]));
    return words(before) !== words(known);
  };
  return {
    now: () => known,
    look: () => {
      if (looking) return looking;
      if ((!asks && others.length === 0) || deps.clock.now() - lookedMs < limits.gpuEveryMs)
        return Promise.resolve(false);
      lookedMs = deps.clock.now();
      looking = lookAgain().finally(() => (looking = null));
      return looking;
    },
  };
}
