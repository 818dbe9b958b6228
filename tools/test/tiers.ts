/** What `npm test` is made of, in the order in which it runs and reports. */

export const tierNames = [
  "types",
  "lint",
  "format",
  "workflows",
  "unit",
  "chain",
  "engine",
  "start",
] as const;
export type TierName = (typeof tierNames)[number];

/** Things a tier needs beyond Node and the packages; tools.ts knows how to look for them and where they come from. */
export const toolNames = ["engine", "actionlint", "moto", "bash", "tar", "git"] as const;
export type ToolName = (typeof toolNames)[number];

export interface Tier {
  name: TierName;
  /** For people, in the table at the end. */
  what: string;
  /** `check`: one result, its exit code. `vitest`: as many as it has tests. `start`: one result, from its last line. */
  kind: "check" | "vitest" | "start";
  /** Script below node_modules or the checkout, and its arguments. */
  command: readonly string[];
  needs: readonly ToolName[];
  /** After so long it is ended and counts as failed: nothing here may hang a build for ever. */
  limitMinutes: number;
}

const vitest = (project: TierName) => ["node_modules/vitest/vitest.mjs", "run", "--project", project];

export const tiers: readonly Tier[] = [
  {
    name: "types",
    what: "tsc",
    kind: "check",
    command: ["node_modules/typescript/bin/tsc"],
    needs: [],
    limitMinutes: 5,
  },
  {
    name: "lint",
    what: "eslint",
    kind: "check",
    command: ["node_modules/eslint/bin/eslint.js", "."],
    needs: [],
    limitMinutes: 5,
  },
  {
    name: "format",
    what: "prettier",
    kind: "check",
    command: ["node_modules/prettier/bin/prettier.cjs", "--check", "--log-level", "warn", "."],
    needs: [],
    limitMinutes: 5,
  },
  {
    name: "workflows",
    what: "actionlint",
    kind: "check",
    command: ["tools/actionlint/lint.ts"],
    needs: ["actionlint"],
    limitMinutes: 5,
  },
  {
    name: "unit",
    what: "functions, and HTTP on loopback",
    kind: "vitest",
    command: vitest("unit"),
    needs: ["bash", "tar"],
    limitMinutes: 20,
  },
  {
    name: "chain",
    what: "manager, agents and simulator as processes",
    kind: "vitest",
    command: vitest("chain"),
    needs: ["moto", "bash", "tar"],
    limitMinutes: 25,
  },
  {
    name: "engine",
    what: "the real Pulumi engine",
    kind: "vitest",
    command: vitest("engine"),
    needs: ["engine", "moto", "bash", "tar"],
    limitMinutes: 20,
  },
  {
    name: "start",
    what: "npm start in a copy of the checkout",
    kind: "start",
    command: ["tools/start.ts", "--json"],
    needs: ["engine", "actionlint", "bash", "tar", "git"],
    limitMinutes: 10,
  },
];

/** The tier that runs a test file, by the same folders as vitest.config.ts. */
export const tierOfFile = (file: string): TierName => {
  if (file.startsWith("test/engine/")) return "engine";
  return file.startsWith("test/chain/") ? "chain" : "unit";
};
