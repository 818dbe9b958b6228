/**
 * Every metric of muster, and the page about them: docs/metrics.md is made from this table (a test holds that). A histogram
 * knows only what has ended, so beside each histogram of durations stands a gauge of the age of what has not: that one
 * alone shows that something is stuck.
 */
interface Common {
  help: string;
  /** From settings, enums and templates alone; never text of GitHub's or of an agent's. */
  labels: readonly string[];
}
export type Metric = Common &
  (
    | { type: "gauge" | "counter" }
    | {
        type: "histogram";
        buckets: readonly number[];
        /** The gauge of the age of the unfinished. */
        beside: `muster_${string}`;
      }
  );

/** From a second (a warm machine) to hours (a pool at its maximum). */
const waits = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800];
/** From a process on this computer to a cloud's machine without stock. */
const boots = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 90, 120, 180, 300, 600];
const runs = [1, 5, 15, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 21_600];
const calls = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60];

const gauge = (labels: readonly string[], help: string) => ({ type: "gauge", labels, help }) as const;
const counter = (labels: readonly string[], help: string) => ({ type: "counter", labels, help }) as const;
const histogram = (
  labels: readonly string[],
  help: string,
  buckets: readonly number[],
  beside: `muster_${string}`,
) => ({ type: "histogram", labels, help, buckets, beside }) as const;

export const metricTable = {
  muster_job_wait_seconds: histogram(
    ["pool"],
    "Queued at GitHub to running.",
    waits,
    "muster_oldest_waiting_job_seconds",
  ),
  muster_oldest_waiting_job_seconds: gauge(
    ["pool"],
    "Age of the job that has waited longest; 0 without any.",
  ),
  muster_start_seconds: histogram(
    ["pool"],
    "Queued at GitHub to the runner that took the job listening; 0 where it listened before.",
    waits,
    "muster_oldest_unstarted_job_seconds",
  ),
  muster_oldest_unstarted_job_seconds: gauge(
    ["pool"],
    "Age of the oldest waiting job for which no runner listens yet; 0 without any.",
  ),
  muster_job_run_seconds: histogram(
    ["pool", "result"],
    "Running to completed.",
    runs,
    "muster_longest_running_job_seconds",
  ),
  muster_longest_running_job_seconds: gauge(
    ["pool"],
    "How long the oldest running job has run; 0 without any.",
  ),
  muster_launch_seconds: histogram(
    ["backend"],
    "Machine asked for to named by its backend.",
    boots,
    "muster_oldest_launch_seconds",
  ),
  muster_oldest_launch_seconds: gauge(
    ["backend"],
    "Age of the oldest launch call without an answer, lost ones included; 0 without any.",
  ),
  muster_boot_seconds: histogram(
    ["pool"],
    "Machine asked for to its agent enrolled.",
    boots,
    "muster_oldest_booting_machine_seconds",
  ),
  muster_oldest_booting_machine_seconds: gauge(
    ["pool"],
    "Age of the oldest machine whose agent has not enrolled yet; 0 without any.",
  ),
  muster_registration_seconds: histogram(
    ["pool"],
    "Registration asked of GitHub to the runner listening.",
    boots,
    "muster_oldest_registration_seconds",
  ),
  muster_oldest_registration_seconds: gauge(
    ["pool"],
    "Age of the oldest registration whose runner does not listen yet; 0 without any.",
  ),
  muster_removal_seconds: histogram(
    ["pool"],
    "Machine finished with to it and its record at GitHub gone.",
    boots,
    "muster_oldest_removal_seconds",
  ),
  muster_oldest_removal_seconds: gauge(
    ["pool"],
    "For how long the oldest machine that is finished with has not gone; 0 without any.",
  ),
  muster_action_seconds: histogram(
    ["kind", "outcome"],
    "What the manager did, each with all its tries.",
    calls,
    "muster_oldest_action_seconds",
  ),
  muster_oldest_action_seconds: gauge(["kind"], "Age of the oldest action under way; absent without any."),
  muster_plan_seconds: histogram(
    [],
    "How long one plan took.",
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1],
    "muster_plan_age_seconds",
  ),
  muster_plan_age_seconds: gauge([], "Since the last plan; one is due at least every 10 s."),
  muster_oldest_sync_seconds: gauge(
    ["pool"],
    "Since the agent that has been silent longest was heard; one is due every 30 s.",
  ),
  muster_view_age_seconds: gauge(
    ["source"],
    "Since a source was last heard; absent while it was never heard.",
  ),

  muster_jobs_waiting: gauge(["pool"], "Jobs that GitHub assigned and no runner has yet."),
  muster_jobs_available: gauge(["pool"], "Jobs that GitHub holds back until there is room."),
  muster_jobs_running: gauge(["pool"], "Jobs that run, as GitHub counts."),
  muster_jobs_done_total: counter(["pool", "result"], "Jobs that GitHub called completed."),
  muster_jobs_lost_total: counter(["pool"], "Jobs whose machine a cloud took away."),
  muster_reruns_total: counter(["pool", "outcome"], "Lost jobs that were run again (made) or not (left)."),
  muster_lost_jobs: gauge(
    ["pool", "reason"],
    "Lost jobs that wait to be run again, or whose re-run GitHub refuses.",
  ),
  muster_refused_jobs: gauge(["pool", "reason"], "Waiting jobs that the plan could not serve."),

  muster_machines: gauge(["pool", "stage"], "Machines by stage."),
  muster_pool_max: gauge(["pool"], "Most machines that the settings allow."),
  muster_launches_total: counter(["pool", "backend"], "Machines asked of a backend."),
  muster_launch_failures_total: counter(
    ["backend", "reason"],
    "Launch calls, or parts of one, that brought no machine.",
  ),
  muster_launches_in_doubt: gauge([], "Launch calls whose answer was lost."),
  muster_circuit_open: gauge(["scope", "key", "reason"], "1 while failures keep the manager from trying."),
  muster_runner_records_leaked: gauge(
    ["pool"],
    "Runner records that GitHub keeps minutes after their machine was finished with.",
  ),
  muster_journal_writable: gauge([], "0 while nothing is launched because the journal cannot be written."),
  muster_pool_refused: gauge(
    ["pool", "reason"],
    "1 while a pool must not be used: public repositories, others with its labels, or not read yet.",
  ),
  muster_credential_expires_seconds: gauge(
    ["kind"],
    "Until the login at GitHub ends; absent where it never does.",
  ),
  muster_draining: gauge([], "1 while the manager launches nothing because it was told to drain."),
  muster_syncs_total: counter(["pool"], "Reports of agents."),
  muster_actions_total: counter(["kind", "outcome"], "What the manager did, by outcome."),

  muster_github_requests_total: counter(["route", "status"], "Requests to GitHub; status 0: no answer."),
  muster_github_connect_seconds: gauge(
    ["host", "from"],
    "Until TCP and TLS stood, or to the proxy where one is used; from machines: the longest of their last.",
  ),
  muster_github_connect_failures: gauge(
    ["host", "from"],
    "Places (the manager, or how many machines) whose last try to connect failed.",
  ),

  muster_gpus: gauge(["pool", "vendor", "health"], "Graphics processors that the pool's machines report."),
  muster_gpu_memory_bytes: gauge(["pool"], "Memory of the pool's graphics processors that say so."),
  muster_gpu_memory_used_bytes: gauge(["pool"], "How much of it is used."),
  muster_gpu_utilization_ratio: gauge(["pool"], "Mean use of the pool's graphics processors, 0 to 1."),
} as const satisfies Record<`muster_${string}`, Metric>;

export type MetricName = keyof typeof metricTable;
type OfType<T extends Metric["type"]> = {
  [Name in MetricName]: (typeof metricTable)[Name]["type"] extends T ? Name : never;
}[MetricName];
export type GaugeName = OfType<"gauge">;
export type CounterName = OfType<"counter">;
export type HistogramName = OfType<"histogram">;
