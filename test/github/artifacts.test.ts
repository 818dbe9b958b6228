import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { JobMessage } from "./wire.ts";
import { ScriptedRunner } from "./testing/scripted-runner.ts";
import { startWithSet } from "./testing/start.ts";

/** A running job, and its artifact calls. */
async function running() {
  const { github, client } = await startWithSet();
  await github.control.dispatchJobs([{ labels: ["linux"] }]);
  await client.next(1);
  const runner = await new ScriptedRunner((await client.mint("r1")).config).online();
  const { request, job } = await runner.take();
  return { github, client, runner, request, job, call: caller(job) };
}

const caller =
  ({ planId, jobId, system }: JobMessage, token = system.runtimeToken) =>
  async (method: string, body: Record<string, unknown>) => {
    const url = `${system.resultsUrl}twirp/github.actions.results.api.v1.ArtifactService/${method}`;
    const ids = { workflow_run_backend_id: planId, workflow_job_run_backend_id: jobId };
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(url, { method: "POST", headers, body: JSON.stringify({ ...ids, ...body }) });
    return { status: response.status, body: (await response.json()) as Record<string, string> };
  };

describe("artifacts", () => {
  it("are created, uploaded, finalized, listed and read back", async () => {
    const { github, client, call } = await running();
    const { body: created } = await call("CreateArtifact", { name: "report", version: 4 });
    const content = "zip bytes";
    const put = await fetch(created["signed_upload_url"]!, { method: "PUT", body: content });
    expect(put.status).toBe(201);
    const hash = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    const finalize = { name: "report", size: String(content.length), hash };
    expect((await call("FinalizeArtifact", { ...finalize, size: "1" })).status).toBe(400);
    expect((await call("FinalizeArtifact", finalize)).body).toMatchObject({ ok: true });
    const { body: listed } = await call("ListArtifacts", { name_filter: "report" });
    expect(listed).toMatchObject({ artifacts: [{ name: "report", size: "9", digest: hash }] });
    const { body: signed } = await call("GetSignedArtifactURL", { name: "report" });
    expect(await (await fetch(signed["signed_url"]!)).text()).toBe(content);
    const part = await fetch(signed["signed_url"]!, { headers: { range: "bytes=4-8" } });
    expect([part.status, await part.text()]).toEqual([206, "bytes"]);
    const [run] = github.control.runs();
    const rest = await client.rest("GET", `/repos/acme/widgets/actions/runs/${run!.id}/artifacts`);
    expect(await rest.json()).toMatchObject({
      total_count: 1,
      artifacts: [{ name: "report", size_in_bytes: 9 }],
    });
  });

  it("may come in blocks, in the order of the list", async () => {
    const { call } = await running();
    const { body } = await call("CreateArtifact", { name: "big" });
    const url = body["signed_upload_url"]!;
    await fetch(`${url}&comp=block&blockid=Yg==`, { method: "PUT", body: "world" });
    await fetch(`${url}&comp=block&blockid=YQ==`, { method: "PUT", body: "hello " });
    const list = "<BlockList><Latest>YQ==</Latest><Latest>Yg==</Latest></BlockList>";
    expect((await fetch(`${url}&comp=blocklist`, { method: "PUT", body: list })).status).toBe(201);
    await call("FinalizeArtifact", { name: "big", size: "11" });
    const { body: signed } = await call("GetSignedArtifactURL", { name: "big" });
    expect(await (await fetch(signed["signed_url"]!)).text()).toBe("hello world");
  });

  it("are not to be had without the running job's token, or by another run's ids", async () => {
    const { runner, request, job, call } = await running();
    expect((await caller(job, "wrong")("ListArtifacts", {})).status).toBe(401);
    expect((await call("ListArtifacts", { workflow_run_backend_id: "other" })).status).toBe(403);
    const { body } = await call("CreateArtifact", { name: "a" });
    expect((await call("CreateArtifact", { name: "a" })).status).toBe(409);
    const unsigned = body["signed_upload_url"]!.replace(/sig=.*/, "sig=wrong");
    expect((await fetch(unsigned, { method: "PUT", body: "x" })).status).toBe(403);
    await runner.complete(request, job);
    expect((await call("ListArtifacts", {})).status).toBe(401);
  });
});
