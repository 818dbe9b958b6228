/** What a stack on AWS has that the program did not make: found without its manager, and shown. */
import { limits } from "../../leaving/limits.ts";
import { stackValue, type DrainOptions, type SweepOptions } from "../../leaving/options.ts";
import type { LeavingDeps, Leftover, Machine } from "../../leaving/ports.ts";
import { ageMs, readStatus } from "../../leaving/status.ts";
import { reason } from "../../leaving/text.ts";
import { deadline } from "../../manager/deps.ts";
import { duration, safe, table } from "../table.ts";
import type { LeavingState } from "./leaving-state.ts";

/** `lives`: it reported within three minutes. `silent`: it does not any more, or never did. `unknown`: nobody could look. */
export interface ManagerLife {
  is: "lives" | "silent" | "unknown";
  /** Milliseconds since it last reported; null: never, or not known. */
  silentMs: number | null;
  /** Why it is unknown. */
  problem: string | null;
}

export interface AwsLeftovers {
  /** `PROJECT/STACK`, the value of the tag. */
  stack: string;
  manager: ManagerLife;
  machines: readonly (Machine & { region: string })[];
  /** Volumes and network interfaces, also those in use. */
  leftovers: readonly (Leftover & { region: string })[];
  github: {
    url: string;
    /** Names; null: not known. */
    sets: readonly string[] | null;
    runners: readonly string[] | null;
    /** Why they are not known. */
    problem: string | null;
  };
}

export interface LeftoverPorts extends Pick<LeavingDeps, "clock" | "region" | "bucket" | "secrets"> {
  /** Names of the stack's scale sets and runner records. */
  traces: (
    options: SweepOptions,
    secrets: Awaited<ReturnType<LeavingDeps["secrets"]>>,
    signal: AbortSignal,
  ) => Promise<{ sets: string[]; runners: string[] }>;
}

const lifeOf = async (
  drain: DrainOptions | null,
  { bucket, clock }: Pick<LeftoverPorts, "bucket" | "clock">,
): Promise<ManagerLife> => {
  // Without a drain a destroy has begun, and the next that it takes is the manager.
  if (drain === null) return { is: "silent", silentMs: null, problem: null };
  try {
    const status = await readStatus(bucket(drain.bucket, drain.home));
    const age = ageMs(status, clock.now());
    const silentMs = Number.isFinite(age) ? Math.max(0, age) : null;
    return { is: age <= limits.staleMs ? "lives" : "silent", silentMs, problem: null };
  } catch (error) {
    return { is: "unknown", silentMs: null, problem: reason(error) };
  }
};

/** @throws when AWS cannot be asked; what cannot be known of GitHub or the manager is part of the result */
export const findAwsLeftovers = async (
  { sweep: options, drain }: LeavingState,
  ports: LeftoverPorts,
): Promise<AwsLeftovers> => {
  const stack = stackValue(options);
  const ofRegion = async (name: string) => {
    const region = ports.region(name, stack);
    const [machines, leftovers] = await Promise.all([region.machines(), region.leftovers()]);
    const here = <T>(list: readonly T[]) => list.map((one) => ({ ...one, region: name }));
    return { machines: here(machines), leftovers: here(leftovers) };
  };
  const github = async (): Promise<AwsLeftovers["github"]> => {
    const { url } = options.github;
    const limit = deadline(ports.clock, limits.gitHubMs, "listing at GitHub");
    try {
      const secrets = await ports.secrets(options.secrets, options.home);
      return { url, ...(await ports.traces(options, secrets, limit.signal)), problem: null };
    } catch (error) {
      return { url, sets: null, runners: null, problem: reason(error) };
    } finally {
      limit.done();
    }
  };
  const [manager, regions, atGitHub] = await Promise.all([
    lifeOf(drain, ports),
    Promise.all(options.regions.map(ofRegion)),
    github(),
  ]);
  return {
    stack,
    manager,
    machines: regions.flatMap(({ machines }) => machines),
    leftovers: regions.flatMap(({ leftovers }) => leftovers),
    github: atGitHub,
  };
};

/** Nothing at AWS, and nothing known of at GitHub. */
export const isNothingAtAws = ({ machines, leftovers, github }: AwsLeftovers): boolean =>
  machines.length + leftovers.length + (github.sets?.length ?? 0) + (github.runners?.length ?? 0) === 0;

const managerLine = ({ is, silentMs, problem }: ManagerLife): string => {
  const ago = `${duration(silentMs ?? 0)} ago`;
  if (is === "lives") return `lives, it reported ${ago}`;
  if (is === "unknown") return `not known: ${problem}`;
  return silentMs === null ? "does not run: it never reported" : `does not run: it last reported ${ago}`;
};

export const awsLeftoverLines = (
  found: AwsLeftovers,
  { columns, nowMs }: { columns: number; nowMs: number },
): string[] => {
  const { machines, leftovers, github } = found;
  const age = (sinceMs: number | undefined) => (sinceMs === undefined ? "-" : duration(nowMs - sinceMs));
  const rows = [
    ...machines.map(({ id, region, pool, state, sinceMs }) => [
      "machine",
      id,
      region,
      `${state}, pool ${pool ?? "not said"}`,
      age(sinceMs),
    ]),
    ...leftovers.map(({ id, region, kind, free, sinceMs }) => [
      kind,
      id,
      region,
      free ? "not attached" : "in use",
      age(sinceMs),
    ]),
    ...(github.sets ?? []).map((name) => ["scale set", name, "GitHub", "", "-"]),
    ...(github.runners ?? []).map((name) => ["runner record", name, "GitHub", "", "-"]),
  ].map((row) => row.map((cell) => safe(cell)));
  const head = [
    `stack    ${safe(found.stack)} at AWS`,
    `manager  ${safe(managerLine(found.manager), 1_000)}`,
    ...(github.problem === null
      ? []
      : [`github   ${safe(github.url)}: not looked at: ${safe(github.problem, 1_000)}`]),
  ];
  if (rows.length === 0)
    return [...head, github.problem === null ? "nothing is left" : "nothing is left at AWS"];
  return [
    ...head,
    "",
    ...table(
      [
        { title: "what" },
        { title: "id or name", gives: true },
        { title: "where" },
        { title: "state" },
        { title: "for", align: "right" },
      ],
      rows,
      { columns },
    ),
  ];
};
