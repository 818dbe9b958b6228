/** Artifacts: Twirp over JSON, and uploads as Azure block blobs (cache.md 1.2, 1.5; actions/toolkit packages/artifact). */
import { createHash, randomUUID } from "node:crypto";
import { twirpRefusal } from "../core/errors.ts";
import type { Sim } from "../core/sim.ts";
import type { Artifact, Job } from "../core/state.ts";
import { marker } from "../core/tokens.ts";
import { bearer, body, text, type Ctx, type Handlers } from "./http.ts";

/** The job whose runtime token this is: good until the job's end. */
function callingJob(sim: Sim, c: Ctx): Job {
  const checked = sim.tokens.check("runtime", bearer(c));
  const job = checked.state === "good" && sim.state.jobs.get(checked.holder.jobId);
  if (job) return job;
  throw twirpRefusal(401, "unauthenticated", `The runtime token is ${checked.state}.`);
}

interface Asked {
  job: Job;
  wanted: Record<string, unknown>;
}
/** Proto field names or their JSON names; the run and job ids must be those of the token's `scp`. */
async function asked(sim: Sim, c: Ctx): Promise<Asked> {
  const job = callingJob(sim, c);
  const raw = await body(c);
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const wanted = Object.fromEntries(Object.entries(raw).map(([name, value]) => [snake(name), value]));
  if (wanted["workflow_run_backend_id"] !== job.run.planId) {
    throw twirpRefusal(403, "permission_denied", "The run is not the token's.");
  }
  return { job, wanted };
}

const ofRun = (sim: Sim, job: Job) =>
  [...sim.state.artifacts.values()].filter((artifact) => artifact.run === job.run);

function named(sim: Sim, { job, wanted }: Asked): Artifact {
  const name = text(wanted["name"]);
  const found = ofRun(sim, job).find((artifact) => artifact.name === name);
  if (found) return found;
  throw twirpRefusal(404, "not_found", `No artifact ${name} in this run.`);
}

/** opendal and the Azure SDK need a query in the URL; the signature is one. */
function blobUrl(sim: Sim, artifact: Artifact): string {
  return `${sim.origin}/_blobs/artifacts/${artifact.id}?sig=${artifact.key}`;
}

async function create(sim: Sim, c: Ctx) {
  const { job, wanted } = await asked(sim, c);
  const name = text(wanted["name"]);
  if (ofRun(sim, job).some((artifact) => artifact.name === name)) {
    throw twirpRefusal(
      409,
      "already_exists",
      `an artifact with this name already exists on the workflow run`,
    );
  }
  const artifact: Artifact = {
    id: sim.nextId("artifact"),
    run: job.run,
    jobUuid: job.uuid,
    name,
    createdMs: sim.clock.now(),
    blocks: new Map(),
    content: Buffer.alloc(0),
    digest: null,
    finalized: false,
    key: marker(),
  };
  sim.state.artifacts.set(artifact.id, artifact);
  sim.tokens.remember("signed-url", blobUrl(sim, artifact), artifact.key);
  return c.json({ ok: true, signed_upload_url: blobUrl(sim, artifact) });
}

async function finalize(sim: Sim, c: Ctx) {
  const question = await asked(sim, c);
  const artifact = named(sim, question);
  const digest = `sha256:${createHash("sha256").update(artifact.content).digest("hex")}`;
  const { size, hash } = question.wanted;
  const told = typeof hash === "object" && hash !== null && "value" in hash ? hash.value : hash;
  if (Number(size) !== artifact.content.length || (told != null && told !== digest)) {
    throw twirpRefusal(400, "invalid_argument", "Size or hash are not those of what was uploaded.");
  }
  artifact.finalized = true;
  artifact.digest = digest;
  sim.changes.notify();
  return c.json({ ok: true, artifact_id: String(artifact.id) });
}

async function list(sim: Sim, c: Ctx) {
  const { job, wanted } = await asked(sim, c);
  const filter = wanted["name_filter"] as string | { value: string } | null | undefined;
  const name = typeof filter === "object" ? filter?.value : filter;
  const found = ofRun(sim, job).filter((one) => one.finalized && (name == null || one.name === name));
  const artifacts = found.map((artifact) => ({
    workflow_run_backend_id: artifact.run.planId,
    workflow_job_run_backend_id: artifact.jobUuid,
    database_id: String(artifact.id),
    name: artifact.name,
    size: String(artifact.content.length),
    created_at: new Date(artifact.createdMs).toISOString(),
    digest: artifact.digest,
  }));
  return c.json({ artifacts });
}

function pathBlob(sim: Sim, c: Ctx): Artifact {
  const artifact = sim.state.artifacts.get(Number(c.req.param("id")));
  if (artifact && c.req.query("sig") === artifact.key) return artifact;
  throw twirpRefusal(403, "AuthenticationFailed", "The signature of the URL is wrong.");
}

/** Put Blob at once, or Put Block and then Put Block List in the order of its XML. */
async function putBlob(sim: Sim, c: Ctx) {
  const artifact = pathBlob(sim, c);
  const { comp, blockid } = c.req.query();
  const bytes = Buffer.from(await c.req.arrayBuffer());
  if (comp === "block") artifact.blocks.set(blockid ?? "", bytes);
  else if (comp === "blocklist") {
    const ids = [...bytes.toString().matchAll(/<(?:Latest|Uncommitted|Committed)>([^<]+)</g)].map(
      ([, id]) => id!,
    );
    const blocks = ids.map((id) => artifact.blocks.get(id));
    if (blocks.includes(undefined)) throw twirpRefusal(400, "InvalidBlockList", "A block is missing.");
    artifact.content = Buffer.concat(blocks as Buffer[]);
  } else artifact.content = bytes;
  return new Response(null, {
    status: 201,
    headers: { etag: `"${artifact.id}"`, "x-ms-request-id": randomUUID() },
  });
}

function getBlob(sim: Sim, c: Ctx) {
  const { content } = pathBlob(sim, c);
  const range = /^bytes=(\d+)-(\d*)$/.exec(c.req.header("x-ms-range") ?? c.req.header("range") ?? "");
  const headers = { "content-type": "application/zip" };
  if (!range) return new Response(new Uint8Array(content), { headers });
  const from = Number(range[1]);
  const part = content.subarray(from, range[2] ? Number(range[2]) + 1 : undefined);
  const where = `bytes ${from}-${from + part.length - 1}/${content.length}`;
  return new Response(new Uint8Array(part), { status: 206, headers: { ...headers, "content-range": where } });
}

export const artifactHandlers = {
  "artifact.create": create,
  "artifact.finalize": finalize,
  "artifact.list": list,
  "artifact.url": async (sim, c) => c.json({ signed_url: blobUrl(sim, named(sim, await asked(sim, c))) }),
  "artifact.delete": async (sim, c) => {
    const artifact = named(sim, await asked(sim, c));
    sim.state.artifacts.delete(artifact.id);
    return c.json({ ok: true, artifact_id: String(artifact.id) });
  },
  "blob.put": putBlob,
  "blob.get": getBlob,
} satisfies Partial<Handlers>;
