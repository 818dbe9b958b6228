import { defineConfig } from "vitest/config";

// Tiers: `unit` and `wire` start nothing but servers on loopback; `chain` starts the whole local system as
// processes; `engine` runs the real Pulumi engine. tools/test.ts runs them in this order and says what it could not run.
const tier = (name: string, include: string[], exclude: string[] = [], testTimeout = 60_000) => ({
  test: {
    name,
    include,
    exclude,
    testTimeout,
    hookTimeout: testTimeout,
    pool: "forks" as const,
    // The default of one second is too little for a process to start on a computer that is busy.
    expect: { poll: { timeout: 20_000 } },
  },
});

export default defineConfig({
  test: {
    projects: [
      tier("unit", ["test/**/*.test.ts"], ["test/engine/**", "test/chain/**"]),
      tier("chain", ["test/chain/**/*.test.ts"], [], 120_000),
      tier("engine", ["test/engine/**/*.test.ts"], [], 300_000),
    ],
  },
});
