/** `muster status`: how a stack's manager, pools and machines are. */
import { type MachineView, type ManagerState, type PoolView, stageOrder } from "../../manager/view.ts";
import { address } from "../local/health.ts";
import type { Found } from "../state.ts";
import { duration, safe, table, wrap } from "../table.ts";
import type { Terminal } from "../terminal.ts";
import { upCommand, type Where } from "../where.ts";

/** GitHub must have been heard within so long after the manager's start. */
const firstHeardMs = 60_000;

/** Why the stack is not well, one sentence each; none: it is. */
export const troubles = ({ state, problem }: Found): string[] => {
  if (!state) return [problem ?? "nobody answers"];
  const own = state.healthy ? [] : [state.problem ?? "it does not say why"];
  const deaf = state.pools
    .filter(
      ({ github }) =>
        github.is === "stale" || (github.is === "never" && state.atMs - state.startedMs > firstHeardMs),
    )
    .map(
      ({ name, github }) =>
        `pool ${name}: GitHub ${github.is === "stale" ? `was last heard ${ago(github.atMs, state)}` : "was never heard"}${github.why === null ? "" : `: ${safe(github.why, 500)}`}`,
    );
  return [...own, ...deaf];
};

const ago = (atMs: number | null, { atMs: now }: ManagerState) =>
  atMs === null ? "never" : `${duration(now - atMs)} ago`;

const machinesOf = ({ machines }: PoolView): string =>
  stageOrder
    .flatMap((stage) => {
      const count = machines[stage as keyof typeof machines] ?? 0;
      return count > 0 ? `${count} ${stage}` : [];
    })
    .join(", ") || "none";

const heard = { fresh: "heard", stale: "not heard", never: "never heard" } as const;

const poolLines = (state: ManagerState, { columns }: Terminal): string[] => {
  const right = (title: string) => ({ title, align: "right" as const });
  const lines = table(
    [
      { title: "pool" },
      right("max"),
      right("running"),
      right("waiting"),
      right("held back"),
      { title: "github" },
      { title: "machines" },
    ],
    state.pools.map((pool) => [
      safe(pool.name),
      ...[pool.max, pool.running, pool.waiting, pool.available].map(String),
      heard[pool.github.is],
      machinesOf(pool),
    ]),
    { columns },
  );
  const labels = state.pools.map(
    (pool) => `${safe(pool.name)}: runs-on: [${pool.labels.map((label) => safe(label)).join(", ")}]`,
  );
  return [...lines, "", ...labels];
};

const machineLines = (state: ManagerState, { columns }: Terminal): string[] =>
  table(
    [
      { title: "machine" },
      { title: "pool" },
      { title: "stage" },
      { title: "for", align: "right" },
      { title: "seen", align: "right" },
      { title: "job or problem", gives: true },
    ],
    state.machines.map((machine) => [
      safe(machine.id),
      safe(machine.pool),
      machine.stage,
      duration(state.atMs - machine.stageMs),
      machine.seenMs === null ? "-" : `${duration(state.atMs - machine.seenMs)} ago`,
      doing(machine),
    ]),
    { columns },
  );

const doing = ({ problem, job }: MachineView) =>
  problem === null ? safe(job ?? "") : `${safe(problem, 500)}${job === null ? "" : ` (${safe(job)})`}`;

const bootsShown = 3;
/** Machines whose boot failed; what they said of it outlives them. */
const bootLines = ({ failedBoots = [], atMs }: ManagerState, { columns }: Terminal): string[] =>
  failedBoots.slice(0, bootsShown).flatMap(({ machine, pool, phase, atMs: saidMs, lines }) => {
    const since = `${duration(atMs - saidMs)} ago`;
    const how =
      phase === "console"
        ? `was given up ${since}, its console ends with`
        : `failed ${since} in the phase ${phase}`;
    const said = `boot     ${safe(machine)} of ${safe(pool)} ${how}: ${safe(lines.at(-1) ?? "", 500)}`;
    return wrap(said, columns, "         ");
  });

/** Why jobs wait in a pool, with where the reason is explained, and what is wrong although none waits. */
const reasonLines = (state: ManagerState, terminal: Terminal): string[] =>
  state.pools.flatMap((pool) => [
    ...pool.reasons.flatMap(({ reason, jobs, detail }) => {
      const who = jobs === 1 ? "1 job waits" : `${jobs} jobs wait`;
      const said = `${safe(pool.name)}: ${who} (${reason}): ${safe(detail, 1024)}`;
      return [...wrap(said, terminal.columns, "  "), terminal.paint("quiet", `  docs/reasons.md#${reason}`)];
    }),
    ...pool.warnings.flatMap((said) =>
      wrap(
        `${safe(pool.name)}: ${terminal.paint("warn", "warning")}: ${safe(said, 1024)}`,
        terminal.columns,
        "  ",
      ),
    ),
  ]);

export const statusLines = (found: Found, where: Where, terminal: Terminal): string[] => {
  const { state, config } = found;
  const named = config?.stack ?? null;
  const stack = named ? `${named.project}/${named.name}` : (where.stack ?? "unknown");
  const lines = [`stack    ${terminal.paint("strong", safe(stack))} in ${where.paths.directory}`];
  const wrong = troubles(found);
  if (!state || !config) {
    lines.push(
      ...wrap(
        `manager  ${terminal.paint("bad", "not answering")}: ${safe(found.problem ?? "", 1500)}`,
        terminal.columns,
        "         ",
      ),
    );
    if (found.cure !== null) lines.push(...wrap(`cure     ${found.cure}`, terminal.columns, "         "));
    return lines;
  }
  const well = wrong.length === 0 ? terminal.paint("good", "well") : terminal.paint("bad", "not well");
  const version = state.managerBundle.slice(0, 8);
  lines.push(
    `manager  ${well}, runs for ${duration(state.atMs - state.startedMs)}${found.manager === null ? "" : ` (pid ${found.manager})`}, version ${version}`,
    `page     ${address(config)}/`,
    `github   ${safe(config.github.url)}`,
  );
  for (const { warning } of state.connect)
    if (typeof warning === "string")
      lines.push(
        ...wrap(`${terminal.paint("warn", "warning")}  ${safe(warning, 500)}`, terminal.columns, "         "),
      );
  for (const said of wrong)
    lines.push(
      ...wrap(`${terminal.paint("bad", "problem")}  ${safe(said, 1024)}`, terminal.columns, "         "),
    );
  if (state.draining) {
    const undo = `npm run muster -- drain --undo${where.stack === null || where.stack === "local" ? "" : ` -s ${where.stack}`}`;
    lines.push(`${terminal.paint("warn", "draining")} no machine is started; take it back: ${undo}`);
  }
  lines.push("", ...poolLines(state, terminal));
  const reasons = reasonLines(state, terminal);
  if (reasons.length > 0) lines.push("", ...reasons);
  if (state.machines.length > 0) lines.push("", ...machineLines(state, terminal));
  else lines.push("", idleLine(state));
  const boots = bootLines(state, terminal);
  if (boots.length > 0) lines.push("", ...boots);
  if (found.supervisor === null)
    lines.push(
      "",
      `The supervisor does not run: should the manager end, nobody starts it again. ${upCommand(where.stack)}`,
    );
  return lines;
};

const idleLine = (state: ManagerState): string => {
  const labels = state.pools[0]?.labels.map((label) => safe(label)).join(", ");
  return labels === undefined
    ? "No machine runs, and there is no pool."
    : `No machine runs: none is needed. A job that says runs-on: [${labels}] starts one.`;
};
