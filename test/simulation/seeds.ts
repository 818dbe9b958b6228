/** Which seeds a run looks at; a failing one is printed with its story and the line that repeats it. */
import type { Outcome } from "./run.ts";

/** Fixed, so that a green run is green tomorrow; MUSTER_SEEDS=5000 for a longer one, MUSTER_SEED_FIRST for others. */
export const seedCount = (usual: number) => Math.max(1, Number(process.env.MUSTER_SEEDS ?? usual));
export const firstSeed = Number(process.env.MUSTER_SEED_FIRST ?? 1);

/** In parts, since each test has its time limit. */
export function parts(count: number, size: number): { from: number; to: number }[] {
  return Array.from({ length: Math.ceil(count / size) }, (_, at) => ({
    from: firstSeed + at * size,
    to: firstSeed + Math.min(count, (at + 1) * size) - 1,
  }));
}

export const failureOf = (outcome: Outcome): string | null =>
  outcome.is === "passed"
    ? null
    : [
        `seed ${outcome.seed}: ${outcome.is}: ${outcome.message}`,
        ...outcome.story,
        `again: npm run simulate -- --seed ${outcome.seed}`,
      ].join("\n");
