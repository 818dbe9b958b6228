/** The levers: what a test does to the simulated GitHub and asks of it, beside what clients may do over HTTP. */
import { install, type App } from "./core/apps.ts";
import { cancel } from "./core/jobs.ts";
import type { Fault } from "./core/faults.ts";
import type { PlainJob } from "./core/plain.ts";
import { remove } from "./core/runners.ts";
import { cancelRun, rerun } from "./core/runs.ts";
import { deleteSet, endSession } from "./core/sessions.ts";
import type { Sim } from "./core/sim.ts";
import {
  sameName,
  type Event,
  type Job,
  type Phase,
  type Repository,
  type Run,
  type ScaleSet,
} from "./core/state.ts";
import type { Secret, TokenKind } from "./core/tokens.ts";
import { dispatchPlain, dispatchWorkflow } from "./core/workflows.ts";
import type { GroupOptions } from "./options.ts";
import type { InstallationOptions } from "./options.ts";
import type { EndpointName } from "./routes/endpoints.ts";
import type { Calls } from "./routes/http.ts";
import {
  jobSummary,
  runnerSummary,
  runSummary,
  scaleSetSummary,
  tokenSummaries,
  type JobSummary,
  type RunnerSummary,
  type RunSummary,
  type ScaleSetSummary,
  type TokenSummary,
} from "./views.ts";

export interface WorkflowDispatch {
  /** File name below .github/workflows, a path inside the repository, or an absolute path. */
  workflow: string;
  /** owner/name; default: the first repository. */
  repository?: string;
  ref?: string;
  inputs?: Record<string, string>;
  eventName?: "workflow_dispatch" | "push";
}

/** What to wait for, as data, so that other processes can too. Every number is "at least" unless `exactly` is true. */
export type Condition =
  | { what: "run-completed"; run: number }
  | { what: "job"; job: number; phase: Phase }
  | { what: "jobs"; phase: Phase; count: number; exactly?: boolean }
  | { what: "runners"; count: number; exactly?: boolean; status?: "online" | "offline"; busy?: boolean }
  | { what: "scale-sets"; count: number; exactly?: boolean }
  /** Sessions with a poll held open. */
  | { what: "polling"; count: number; exactly?: boolean }
  | { what: "calls"; endpoint: EndpointName; count: number };

export class Control {
  readonly #sim: Sim;
  readonly #calls: Calls;

  constructor(sim: Sim, calls: Calls) {
    this.#sim = sim;
    this.#calls = calls;
  }

  /** Starts a run of a workflow file; rejects when the file is missing, wrong, or uses what the stand-in does not run. */
  async dispatchWorkflow(dispatch: WorkflowDispatch): Promise<RunSummary> {
    const repository = this.#repository(dispatch.repository);
    return runSummary(await dispatchWorkflow(this.#sim, { ...dispatch, repository }));
  }

  /** Starts a run of independent jobs without a workflow file. */
  async dispatchJobs(jobs: readonly PlainJob[], repository?: string): Promise<RunSummary> {
    return runSummary(await dispatchPlain(this.#sim, this.#repository(repository), "plain", jobs));
  }

  cancelJob(id: number): void {
    cancel(this.#sim, this.#job(id));
  }
  /** False: it is over already. */
  cancelRun(id: number): boolean {
    return cancelRun(this.#run(id), this.#sim);
  }
  /** A new attempt of a run that is over. */
  async rerun(id: number, which: "all" | "failed" = "all"): Promise<RunSummary> {
    const run = this.#run(id);
    if (run.conclusion === null) throw new Error(`run ${id} is in progress: wait for it before a re-run`);
    await rerun(this.#sim, run, which);
    return runSummary(run);
  }

  runs(): RunSummary[] {
    return [...this.#sim.state.runs.values()].map(runSummary);
  }
  run(id: number): RunSummary {
    return runSummary(this.#run(id));
  }
  /** Of all runs and attempts. */
  jobs(): JobSummary[] {
    return [...this.#sim.state.jobs.values()].map(jobSummary);
  }
  job(id: number): JobSummary {
    return jobSummary(this.#job(id));
  }
  runners(): RunnerSummary[] {
    return [...this.#sim.state.runners.values()].map((runner) => runnerSummary(this.#sim, runner));
  }
  /** With their sessions. */
  scaleSets(): ScaleSetSummary[] {
    return [...this.#sim.state.sets.values()].map((set) => scaleSetSummary(this.#sim, set));
  }
  /** Tokens that are good now. */
  tokens(): TokenSummary[] {
    return tokenSummaries(this.#sim);
  }
  /** Every secret that was handed out, with the part that a search for leaks looks for. */
  issuedSecrets(): readonly Secret[] {
    return this.#sim.tokens.secrets;
  }
  /** What happened, in order, from the n-th event on. */
  events(from = 0): readonly Event[] {
    return this.#sim.state.events.slice(from);
  }
  /** How often each endpoint was called. */
  calls(): Partial<Record<EndpointName, number>> {
    return Object.fromEntries(this.#calls);
  }

  /** Installs an App for an account or changes its installation there; the installation's id. */
  installApp(app: number, wanted: Omit<InstallationOptions, "id">): number {
    const found = this.#sim.state.apps.find(({ id }) => id === app);
    if (!found) throw new Error(`there is no App ${app}`);
    return install(this.#sim, found, wanted);
  }
  /** Id, name, owner and rights of every App. */
  apps(): Pick<App, "id" | "slug" | "name" | "owner" | "private" | "permissions">[] {
    return this.#sim.state.apps.map(({ publicKey: _, installations: __, clientId: ___, ...app }) => app);
  }

  /** Switches a fault on; the answer is its id. */
  setFault(fault: Fault): number {
    return this.#sim.faults.set(fault);
  }
  /** One, or all. */
  clearFaults(id?: number): void {
    this.#sim.faults.clear(id);
  }
  faults(): readonly Fault[] {
    return this.#sim.faults.list();
  }

  /** Makes every token of a kind invalid; returns how many. */
  revokeTokens(kind: TokenKind): number {
    return this.#sim.tokens.revoke(kind);
  }
  /** The service forgets the session: its next call answers 404. */
  evictSession(scaleSet: number): void {
    endSession(this.#sim, this.#set(scaleSet), "evicted");
  }
  deleteScaleSet(id: number): void {
    deleteSet(this.#sim, this.#set(id));
  }
  /** The service removes a record by itself, busy or not. */
  removeRunner(id: number): void {
    const runner = this.#sim.state.runners.get(id);
    if (runner) remove(this.#sim, runner, "removed by the service");
  }
  /** Turns a repository private or public. */
  setPrivate(value: boolean, repository?: string): void {
    this.#repository(repository).private = value;
    this.#sim.changes.notify();
  }

  /** Changes what may use a runner group. */
  setGroup(id: number, change: Partial<Omit<GroupOptions, "id">>): void {
    const group = this.#sim.state.groups.find((one) => one.id === id);
    if (!group) throw new Error(`no runner group ${id}`);
    Object.assign(group, change);
    this.#sim.changes.notify();
  }

  /** Resolves once the condition holds; rejects with the present state after `timeoutMs` (default 10 s). */
  async wait(condition: Condition, timeoutMs = 10_000): Promise<void> {
    await this.until(() => this.#holds(condition), JSON.stringify(condition), timeoutMs);
  }

  /** In process only: as {@link wait}, with any predicate, asked after every change. */
  async until(predicate: () => boolean, what = "the condition", timeoutMs = 10_000): Promise<void> {
    // Real time, whatever the simulator's clock: this bounds how long a test may take.
    const limit = AbortSignal.timeout(timeoutMs);
    if (await this.#sim.changes.until(() => predicate() || null, null, limit)) return;
    const jobs = this.jobs().map(({ name, phase, runnerName }) => ({ name, phase, runnerName }));
    const state = JSON.stringify({ jobs, runners: this.runners(), scaleSets: this.scaleSets() });
    throw new Error(`${what} did not come true within ${timeoutMs / 1000} s. Now: ${state}`);
  }

  #holds(condition: Condition): boolean {
    const enough = (count: number, wanted: { count: number; exactly?: boolean }) =>
      wanted.exactly ? count === wanted.count : count >= wanted.count;
    const { state } = this.#sim;
    switch (condition.what) {
      case "run-completed":
        return this.#run(condition.run).conclusion !== null;
      case "job":
        return this.#job(condition.job).phase === condition.phase;
      case "jobs":
        return enough(
          [...state.jobs.values()].filter((job) => job.phase === condition.phase).length,
          condition,
        );
      case "runners": {
        const { status, busy } = condition;
        const found = this.runners().filter(
          (runner) => (!status || runner.status === status) && (busy === undefined || runner.busy === busy),
        );
        return enough(found.length, condition);
      }
      case "scale-sets":
        return enough(state.sets.size, condition);
      case "polling":
        return enough(
          [...state.sets.values()].filter((set) => (set.session?.polls ?? 0) > 0).length,
          condition,
        );
      case "calls":
        return (this.#calls.get(condition.endpoint) ?? 0) >= condition.count;
    }
  }

  #repository(name: string | undefined): Repository {
    const all = this.#sim.state.repositories;
    const found = name === undefined ? all[0] : all.find((one) => sameName(`${one.owner}/${one.name}`, name));
    const known = all.map((one) => `${one.owner}/${one.name}`).join(", ");
    if (!found) throw new Error(`no repository ${name}: there are ${known}`);
    return found;
  }
  #job(id: number): Job {
    const job = this.#sim.state.jobs.get(id);
    if (!job) throw new Error(`no job ${id}: jobs() lists them`);
    return job;
  }
  #run(id: number): Run {
    const run = this.#sim.state.runs.get(id);
    if (!run) throw new Error(`no run ${id}: runs() lists them`);
    return run;
  }
  #set(id: number): ScaleSet {
    const set = this.#sim.state.sets.get(id);
    if (!set) throw new Error(`no scale set ${id}: scaleSets() lists them`);
    return set;
  }
}
