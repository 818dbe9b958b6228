/** GitHub's artifact service, version 4 (actions/toolkit packages/artifact): Twirp over JSON, then signed blob URLs. */
import { createHash } from "node:crypto";
import { withRetries } from "../../common/http.ts";
import { readRefusal } from "../../common/refused.ts";
import type { ActionRun } from "./index.ts";

export interface Artifact {
  name: string;
  workflow_run_backend_id: string;
  workflow_job_run_backend_id: string;
  database_id: string;
}
export interface Uploaded {
  id: string;
  digest: string;
}

const timeoutMs = 60_000;

/** Run and job as the runtime token's `scp` names them: `Actions.Results:<run>:<job>`. */
export function backendIds(runtimeToken: string): {
  workflow_run_backend_id: string;
  workflow_job_run_backend_id: string;
} {
  const claims = JSON.parse(
    Buffer.from(runtimeToken.split(".")[1] ?? "", "base64url").toString() || "{}",
  ) as { scp?: string };
  const scope = claims.scp?.split(" ").find((part) => part.startsWith("Actions.Results:"));
  const [, run, job] = scope?.split(":") ?? [];
  if (!run || !job)
    throw new Error("Failed to get backend IDs: the runtime token has no Actions.Results scope.");
  return { workflow_run_backend_id: run, workflow_job_run_backend_id: job };
}

/** One exchange with its time limit; repeated while it may pass. */
async function exchange(run: ActionRun, url: string, init: RequestInit): Promise<Response> {
  const { deps } = run.state;
  const once = async () => {
    const signal = AbortSignal.any([run.cancel, AbortSignal.timeout(timeoutMs)]);
    const response = await deps.fetch(url, { ...init, signal });
    if (!response.ok) throw readRefusal(url, response, await response.text());
    return response;
  };
  const pauseMs = (attempt: number) => 500 * 2 ** attempt;
  return withRetries(once, { attempts: 5, pauseMs, signal: run.cancel }, deps);
}

async function twirp(run: ActionRun, method: string, body: object): Promise<Record<string, unknown>> {
  const { resultsUrl, runtimeToken } = run.state.message.system;
  const path = `twirp/github.actions.results.api.v1.ArtifactService/${method}`;
  const response = await exchange(run, new URL(path, resultsUrl).href, {
    method: "POST",
    headers: { authorization: `Bearer ${runtimeToken}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Record<string, unknown>;
}

export async function upload(
  run: ActionRun,
  name: string,
  content: Buffer,
  overwrite: boolean,
): Promise<Uploaded> {
  const ids = backendIds(run.state.message.system.runtimeToken);
  if (overwrite && (await list(run, name)).length > 0) await twirp(run, "DeleteArtifact", { ...ids, name });
  const { signed_upload_url: url } = await twirp(run, "CreateArtifact", { ...ids, name, version: 4 });
  await exchange(run, String(url), {
    method: "PUT",
    headers: { "x-ms-blob-type": "BlockBlob", "content-type": "application/zip" },
    body: new Uint8Array(content),
  });
  const digest = createHash("sha256").update(content).digest("hex");
  const hash = { value: `sha256:${digest}` };
  const { artifact_id: id } = await twirp(run, "FinalizeArtifact", {
    ...ids,
    name,
    size: String(content.length),
    hash,
  });
  return { id: String(id), digest };
}

export async function list(run: ActionRun, name?: string): Promise<Artifact[]> {
  const ids = backendIds(run.state.message.system.runtimeToken);
  const filter = name === undefined ? {} : { name_filter: { value: name } };
  const { artifacts = [] } = await twirp(run, "ListArtifacts", { ...ids, ...filter });
  return artifacts as Artifact[];
}

export async function download(run: ActionRun, artifact: Artifact): Promise<Buffer> {
  const { workflow_run_backend_id, workflow_job_run_backend_id, name } = artifact;
  const body = { workflow_run_backend_id, workflow_job_run_backend_id, name };
  const { signed_url: url } = await twirp(run, "GetSignedArtifactURL", body);
  const response = await exchange(run, String(url), { method: "GET" });
  return Buffer.from(await response.arrayBuffer());
}
