/** The jobs of a run and what they wait for: needs, `if`, matrix, fail-fast, max-parallel, cancellation. */
import type { Job } from "@actions/workflow-parser/model/workflow-template";
import type { Conclusion, ReadyJob, WorkflowLogic } from "../wire.ts";
import { holds, hostFunction, type Contexts } from "./evaluate.ts";
import type { Expanded } from "./jobs.ts";

/** As `needs.<job>.result` says it. */
type Result = "success" | "failure" | "cancelled" | "skipped";

interface Leg {
  ready: ReadyJob;
  continueOnError: boolean;
  /** dropped: canceled before anybody was asked to run it. */
  state: "queued" | "running" | "over" | "dropped";
  conclusion: Conclusion | null;
}

interface Node {
  id: string;
  job: Job;
  needs: string[];
  /** Null until its needs are over and its `if` was looked at. */
  legs: Leg[] | null;
  failFast: boolean;
  maxParallel: number;
  /** Null while it waits or runs. */
  result: Result | null;
  outputs: Record<string, string>;
}

export type Graph = Required<Omit<WorkflowLogic, "name">>;
export type Expand = (job: Job, needs: Record<string, unknown>) => Expanded;

/** A failure counts over a cancellation, which fail-fast may have caused. */
function resultOf(legs: readonly Leg[]): Result {
  const counted = legs.map((leg) =>
    leg.continueOnError && leg.conclusion === "failed" ? "succeeded" : leg.conclusion,
  );
  if (counted.includes("failed")) return "failure";
  return counted.includes("canceled") ? "cancelled" : "success";
}

/** Every job that this one waits for, directly or not: what success() and failure() look at. */
function ancestors(nodes: ReadonlyMap<string, Node>, node: Node, seen = new Set<string>()): Set<string> {
  for (const id of node.needs) {
    if (seen.has(id)) continue;
    seen.add(id);
    ancestors(nodes, nodes.get(id)!, seen);
  }
  return seen;
}

/** always(), cancelled(), success(), failure() as a job's `if` knows them; the last two may name jobs. */
function statusFunctions(nodes: ReadonlyMap<string, Node>, node: Node, cancelled: boolean) {
  const results = (named: unknown[]) => {
    const ids = named.length > 0 ? named.map(String) : [...ancestors(nodes, node)];
    return ids.map((id) => nodes.get(id)?.result);
  };
  return [
    hostFunction("always", 0, () => true),
    hostFunction("cancelled", 0, () => cancelled),
    hostFunction(
      "success",
      255,
      (named) => !cancelled && results(named).every((result) => result === "success"),
    ),
    hostFunction("failure", 255, (named) => !cancelled && results(named).includes("failure")),
  ];
}

const makeNode = (job: Job): Node => ({
  id: job.id.value,
  job,
  needs: (job.needs ?? []).map((need) => need.value),
  legs: null,
  failFast: true,
  maxParallel: Infinity,
  result: null,
  outputs: {},
});

const runningIn = (node: Node) => (node.legs ?? []).filter((leg) => leg.state === "running").length;

export function graph(jobs: readonly Job[], shared: Contexts, expand: Expand): Graph {
  const nodes = new Map(jobs.map((job) => [job.id.value, makeNode(job)]));
  const problems: string[] = [];
  const toCancel: string[] = [];
  let cancelled = false;

  const needsOf = (node: Node) =>
    Object.fromEntries(
      node.needs.map((id) => [id, { result: nodes.get(id)!.result, outputs: nodes.get(id)!.outputs }]),
    );

  /** Its needs are over: run it, skip it, or fail it when it cannot be made. */
  function decide(node: Node): void {
    const needs = needsOf(node);
    try {
      const functions = statusFunctions(nodes, node, cancelled);
      if (!holds(node.job.if.expression, { ...shared, needs }, functions)) {
        node.result = cancelled ? "cancelled" : "skipped";
        return;
      }
      const { failFast, maxParallel, jobs: expanded } = expand(node.job, needs);
      const legs = expanded.map((leg): Leg => ({ ...leg, state: "queued", conclusion: null }));
      Object.assign(node, { failFast, maxParallel, legs });
    } catch (error) {
      problems.push(`job '${node.id}': ${(error as Error).message}`);
      node.result = "failure";
    }
  }

  /** Decides every job that can be decided; a skipped one may free others. */
  function settle(): void {
    for (let changed = true; changed;) {
      changed = false;
      for (const node of nodes.values()) {
        if (node.result !== null || node.legs !== null) continue;
        if (!node.needs.every((id) => nodes.get(id)!.result !== null)) continue;
        decide(node);
        changed = true;
      }
    }
  }

  function cancelQueued(node: Node): void {
    for (const leg of node.legs ?? []) {
      if (leg.state === "queued") Object.assign(leg, { state: "dropped", conclusion: "canceled" });
    }
    close(node);
  }

  function close(node: Node): void {
    const over = node.legs?.every(({ state }) => state === "over" || state === "dropped");
    if (node.result === null && node.legs && over) node.result = resultOf(node.legs);
  }

  function failFast(node: Node): void {
    const running = (node.legs ?? []).filter((leg) => leg.state === "running");
    toCancel.push(...running.map((leg) => leg.ready.key));
    cancelQueued(node);
  }

  return {
    ready() {
      settle();
      return [...nodes.values()].flatMap((node) => {
        const room = node.maxParallel - runningIn(node);
        const next = (node.legs ?? []).filter((leg) => leg.state === "queued").slice(0, Math.max(0, room));
        for (const leg of next) leg.state = "running";
        return next.map((leg) => leg.ready);
      });
    },
    finish(key, conclusion, outputs) {
      for (const node of nodes.values()) {
        const leg = node.legs?.find(({ ready, state }) => ready.key === key && state === "running");
        if (!leg) continue;
        Object.assign(leg, { state: "over", conclusion });
        for (const [name, value] of Object.entries(outputs)) if (value !== "") node.outputs[name] = value;
        if (conclusion === "failed" && node.failFast && !leg.continueOnError) failFast(node);
        close(node);
      }
    },
    skipped() {
      settle();
      return [...nodes.values()].flatMap((node) => {
        if (node.legs === null) return node.result === null ? [] : [node.id];
        return node.legs.filter((leg) => leg.state === "dropped").map((leg) => leg.ready.key);
      });
    },
    cancel() {
      cancelled = true;
      for (const node of nodes.values()) cancelQueued(node);
    },
    toCancel: () => toCancel.splice(0),
    problems: () => [...problems],
    conclusion() {
      settle();
      const results = [...nodes.values()].map((node) => node.result);
      if (results.includes(null)) return null;
      if (cancelled && results.some((result) => result === "cancelled" || result === "failure"))
        return "cancelled";
      if (results.includes("failure")) return "failure";
      return results.includes("cancelled") ? "cancelled" : "success";
    },
  };
}
