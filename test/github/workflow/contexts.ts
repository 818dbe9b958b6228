/** The `github` context of a run. */
import type { WorkflowEvent } from "../wire.ts";
import type { Inputs } from "./triggers.ts";

const refName = (ref: string) => ref.replace(/^refs\/(heads|tags)\//, "");

function payload(event: WorkflowEvent, file: string, inputs: Inputs): Record<string, unknown> {
  const [owner = "", name = ""] = event.repository.split("/");
  const common = {
    ref: event.ref,
    repository: {
      id: event.repositoryId,
      name,
      full_name: event.repository,
      html_url: `${event.serverUrl}/${event.repository}`,
      owner: { login: owner },
    },
    sender: { login: event.actor },
  };
  if (event.eventName === "push") return { ...common, after: event.sha, head_commit: { id: event.sha } };
  const texts = Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, String(value)]));
  return { ...common, inputs: texts, workflow: file };
}

/**
 * As GitHub's, without what the runner adds (`token`, `workspace`, `job`, `action` ...). `workspace_source` is the
 * simulator's own: the directory that its actions/checkout copies from, which lets a step reuse what lies beside
 * it, such as node_modules. GitHub has no such key, so it is empty there.
 */
export const githubContext = (event: WorkflowEvent, workflow: string, file: string, inputs: Inputs) => ({
  event_name: event.eventName,
  event: payload(event, file, inputs),
  ref: event.ref,
  ref_name: refName(event.ref),
  ref_type: event.ref.startsWith("refs/tags/") ? "tag" : "branch",
  ref_protected: false,
  head_ref: "",
  base_ref: "",
  sha: event.sha,
  repository: event.repository,
  repository_id: String(event.repositoryId),
  repository_owner: event.repository.split("/")[0] ?? "",
  run_id: String(event.runId),
  run_number: String(event.runNumber),
  run_attempt: String(event.runAttempt),
  retention_days: "90",
  actor: event.actor,
  triggering_actor: event.actor,
  workflow,
  workflow_ref: `${event.repository}/${file}@${event.ref}`,
  workflow_sha: event.sha,
  server_url: event.serverUrl,
  api_url: event.apiUrl,
  graphql_url: `${event.apiUrl.replace(/\/v3$/, "")}/graphql`,
  secret_source: "None",
  workspace_source: event.workspaceSource,
});
