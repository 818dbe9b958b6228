/** Classic runners of repositories and organisations (github.md section 5). */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { restRefusal } from "../core/errors.ts";
import { requestRemoval } from "../core/removal.ts";
import { isBusy, isOnline, register, runnersOf } from "../core/runners.ts";
import type { Sim } from "../core/sim.ts";
import { sameName, type Runner } from "../core/state.ts";
import { isoSeconds } from "./app.ts";
import { runnerScope } from "./auth.ts";
import { body, nothing, page, text, texts, type Ctx, type Handlers } from "./http.ts";

export const runnerView = (sim: Sim, runner: Runner) => ({
  id: runner.id,
  name: runner.name,
  os: runner.session ? "linux" : "unknown",
  status: isOnline(sim, runner) ? "online" : "offline",
  busy: isBusy(runner),
  ephemeral: true,
  version: runner.version,
  runner_group_id: runner.groupId,
  // A scale set's labels are not shown on its runners (github.md 4.2).
  labels: runner.labels.map((name, index) => ({ id: index + 1, name, type: "custom" })),
});

function listRunners(sim: Sim, c: Ctx) {
  const name = c.req.query("name");
  const all = runnersOf(sim, runnerScope(sim, c, "read"));
  const found = all.filter((runner) => name === undefined || sameName(runner.name, name));
  return c.json({
    total_count: found.length,
    runners: page(c, found).map((runner) => runnerView(sim, runner)),
  });
}

function pathRunner(sim: Sim, c: Ctx, level: "read" | "write"): Runner {
  const scope = runnerScope(sim, c, level);
  const found = runnersOf(sim, scope).find(({ id }) => String(id) === c.req.param("id"));
  if (!found) throw restRefusal(404, "Not Found");
  return found;
}

/** 422 while busy (docs). */
function deleteRunner(sim: Sim, c: Ctx) {
  const runner = pathRunner(sim, c, "write");
  if (requestRemoval(sim, runner)) return nothing(204);
  throw restRefusal(422, `Runner "${runner.name}" is currently running a job and cannot be deleted.`);
}

/** No default labels are added, the group is required, the config is not bound to a job (github.md section 5). */
async function generateJit(sim: Sim, c: Ctx) {
  const scope = runnerScope(sim, c, "write");
  const wanted = await body(c);
  const [name, labels, groupId] = [
    text(wanted["name"]),
    texts(wanted["labels"]),
    Number(wanted["runner_group_id"]),
  ];
  if (name === "" || labels.length < 1 || labels.length > 100 || !Number.isInteger(groupId)) {
    throw restRefusal(422, "Validation Failed: name, runner_group_id and 1 to 100 labels are required");
  }
  if (!sim.state.groups.some(({ id }) => id === groupId)) throw restRefusal(404, "Not Found");
  const workFolder = text(wanted["work_folder"]) || "_work";
  const made = sim.faults.take("jit-name-conflict")
    ? null
    : await register(sim, { name, scope, groupId, set: null, labels, workFolder });
  if (!made) throw restRefusal(409, `Already exists - A runner with the name ${name} already exists.`);
  return c.json({ runner: runnerView(sim, made.runner), encoded_jit_config: made.config }, 201);
}

async function downloads(sim: Sim, c: Ctx) {
  runnerScope(sim, c, "read");
  const { os, architecture, filename, sha256 } = await sim.archive.get();
  const url = `${sim.options.downloads ?? sim.origin}/downloads/${filename}`;
  return c.json([{ os, architecture, download_url: url, filename, sha256_checksum: sha256 }]);
}

async function download(sim: Sim, c: Ctx) {
  const { path, filename } = await sim.archive.get();
  if (c.req.param("filename") !== filename) throw restRefusal(404, "Not Found");
  const { size } = await stat(path);
  const stream = Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>;
  return new Response(stream, {
    headers: { "content-type": "application/gzip", "content-length": String(size) },
  });
}

/** Each release must be adopted within 30 days (github.md 4.4); here every version is as the options say. */
function deprecation(sim: Sim, c: Ctx) {
  runnerScope(sim, c, "read");
  const { registrationMs, runtimeMs } = sim.options.deprecation;
  const end = (ms: number) => isoSeconds(sim.clock.now() + ms);
  return c.json({
    runner_version: c.req.param("version"),
    runtime_deprecates_at: end(runtimeMs),
    registration_deprecates_at: end(registrationMs),
  });
}

export const runnerHandlers = {
  "rest.runners": listRunners,
  "rest.runner": (sim, c) => c.json(runnerView(sim, pathRunner(sim, c, "read"))),
  "rest.runner-delete": deleteRunner,
  "rest.runner-jit": generateJit,
  "rest.runner-downloads": downloads,
  "rest.runner-deprecation": deprecation,
  "download.runner": download,
} satisfies Partial<Handlers>;
