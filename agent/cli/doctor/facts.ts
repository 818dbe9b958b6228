/** What several checks need, each looked up once and only when it is asked for. Nothing here makes or changes anything. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import type { Settings } from "../../../infra/settings.ts";
import { detectConfinement } from "../../confinement/detect.ts";
import type { Confinement } from "../../confinement/kind.ts";
import type { ManagerSecrets } from "../../manager-config.ts";
import { realDeps, type Deps } from "../../manager/deps.ts";
import type { Inspected } from "../../manager/github/access/inspect.ts";
import { pino } from "pino";
import { checkout, openPulumi, type Pulumi } from "../pulumi.ts";
import { settingsOf } from "../setup/store.ts";
import { findState, type Found } from "../state.ts";
import { findWhere, isStackMade, type Where } from "../where.ts";
import { Missing } from "./finding.ts";
import { type AwsFacts, gatherAws } from "./aws/facts.ts";
import type { AwsPorts } from "./aws/ports.ts";
import { once } from "./once.ts";
import { runProgram, type Run } from "./program.ts";

export interface DoctorDeps {
  /** The checkout. */
  root: string;
  env: NodeJS.ProcessEnv;
  /** Time and fetch; the manager's, since its GitHub calls are made as it makes them. */
  manager: Deps;
  run: Run;
  pulumi: (stack: string) => Pick<Pulumi, "config" | "must" | "run">;
  /** What this computer gives to keep jobs apart; tried for real. */
  confinement: () => Promise<Confinement>;
  /** AWS, for a stack there. @param home the region for what has none */
  aws: (home: string, deps: Pick<DoctorDeps, "env" | "manager">) => Promise<AwsPorts>;
}
export const realDoctorDeps = (): DoctorDeps => ({
  root: checkout,
  env: process.env,
  manager: realDeps(pino({ level: "silent" })),
  run: runProgram,
  pulumi: (stack) => openPulumi(stack, { say: () => {} }),
  confinement: () => detectConfinement(),
  // Loaded only for such a stack, since the SDK takes a second.
  aws: async (home, { env, manager }) => (await import("./aws/sdk.ts")).connectAws(home, { ...manager, env }),
});

const engine = z.union([
  z.object({ version: z.string(), source: z.string(), command: z.string(), directory: z.string() }),
  z.object({ minimum: z.string() }),
]);
const digests = z.union([z.object({ manager: z.string() }), z.object({ problem: z.string() })]);

export interface Facts {
  stack: string;
  deps: DoctorDeps;
  engine(): Promise<z.infer<typeof engine>>;
  /** Whether Pulumi may be asked about the stack without making it. */
  isMade(): Promise<boolean>;
  /** The stack's configuration. @throws Missing without engine or stack; PulumiError */
  config(): Promise<Awaited<ReturnType<Pulumi["config"]>>>;
  /** @throws SettingsError, Missing */
  settings(): Promise<Settings>;
  /** What the stack is or will be, for GitHub: its settings, else what the manager runs with. @throws Missing */
  place(): Promise<Inspected>;
  /** @throws Missing where they cannot be read */
  secrets(): Promise<ManagerSecrets>;
  confinement(): Promise<Confinement>;
  /** Null: the stack has nothing at AWS. */
  aws(): Promise<AwsFacts | null>;
  where(): Promise<Where | null>;
  /** Null: no manager was ever started here. */
  found(): Promise<Found | null>;
  /** SHA-256 of the manager's bundle of this checkout. @throws Error */
  digest(): Promise<string>;
}

const lookMs = 60_000;
const pulumiMs = 60_000;

export const gatherFacts = (
  given: { stack: string; directory?: string | undefined },
  deps: DoctorDeps,
): Facts => {
  const { stack } = given;
  const pulumi = once(() => Promise.resolve(deps.pulumi(stack)));
  const look = async <T>(what: "engine" | "bundles", shape: z.ZodType<T>): Promise<T> => {
    const ran = await deps.run(process.execPath, [join(deps.root, "tools/look.ts"), what], {
      env: deps.env,
      limitMs: lookMs,
    });
    if (ran.code !== 0) throw new Error(ran.stderr.trim().split("\n").at(-1) ?? `exit code ${ran.code}`);
    return shape.parse(JSON.parse(ran.stdout));
  };
  const facts: Facts = {
    stack,
    deps,
    engine: once(() => look("engine", engine)),
    isMade: once(() => isStackMade(stack, deps.root)),
    config: once(async () => {
      if (!("version" in (await facts.engine()))) throw new Missing("there is no Pulumi engine");
      if (!(await facts.isMade())) throw new Missing(`the stack ${stack} is not made yet`);
      return (await pulumi()).config();
    }),
    settings: once(async () => settingsOf(stack, await facts.config(), deps.root, await facts.confinement())),
    place: once(async () => {
      const deployed = (await facts.found())?.config ?? null;
      const { github, pools } = await facts.settings().catch((error: unknown) => {
        if (deployed) return deployed;
        throw error;
      });
      const project = (await readFile(join(deps.root, "Pulumi.yaml"), "utf8").catch(() => "")).match(
        /^name: *(\S+)/m,
      );
      return {
        github,
        pools,
        stack: deployed?.stack ?? { project: project?.[1] ?? "muster", name: stack },
        ...(deployed ? { directory: deployed.manager.directory } : {}),
      };
    }),
    secrets: once(async () => {
      const { github } = await facts.place();
      const key = github.login.kind === "app" ? "githubAppKey" : "githubToken";
      const config = await facts.config();
      if (!(`muster:${key}` in config)) throw new Missing(`muster:${key} is not set`);
      const ran = await (await pulumi()).run(["config", "get", `muster:${key}`], { limitMs: pulumiMs });
      // What a failure printed is told by the check of the passphrase.
      if (ran.code !== 0) throw new Missing(`muster:${key} cannot be decrypted`);
      return { [key]: ran.stdout.replace(/\n$/, "") };
    }),
    confinement: once(() => deps.confinement()),
    aws: once(async () => ((await isAtAws(facts)) ? gatherAws(facts) : null)),
    where: once(() => findWhere(given, { root: deps.root, pulumi: deps.pulumi })),
    found: once(async () => {
      const where = await facts.where();
      return where && findState(where);
    }),
    digest: once(async () => {
      const found = await look("bundles", digests);
      if ("problem" in found) throw new Error(found.problem);
      return found.manager;
    }),
  };
  return facts;
};

/**
 * Whether the stack's manager has its folder, port and machines at AWS. Read of the configuration itself, so that settings
 * that are wrong elsewhere do not make it a stack on this computer.
 */
export const isAtAws = async (facts: Facts): Promise<boolean> => {
  const manager = (await facts.config().catch(() => null))?.["muster:manager"];
  return manager?.secret === false && (manager.value as { on?: unknown } | null)?.on === "aws";
};
