/** Scale sets, runner groups and JIT configs (github.md 1.4; actions/scaleset 6ce0259). */
import { serviceRefusal } from "../core/errors.ts";
import { time } from "../core/queue.ts";
import { register } from "../core/runners.ts";
import { createSet, deleteSet, sentStatistics, setsOf } from "../core/sessions.ts";
import type { Sim } from "../core/sim.ts";
import { sameName, sameScope, type ScaleSet, type Scope } from "../core/state.ts";
import { bearer, body, nothing, text, type Ctx, type Handlers } from "./http.ts";
import { serviceUrl } from "./registration.ts";

/** What the admin JWT stands for; 401 InvalidTokenException once it has expired (measured). */
export function adminScope(sim: Sim, c: Ctx): Scope {
  const token = bearer(c);
  if (sim.faults.take("admin-token-expired")) sim.tokens.revoke("admin", (_, value) => value === token);
  const checked = sim.tokens.check("admin", token);
  if (checked.state === "good") return checked.holder.scope;
  throw serviceRefusal(401, "InvalidTokenException", `The token is ${checked.state}.`);
}

export function pathSet(sim: Sim, c: Ctx, scope: Scope): ScaleSet {
  const set = sim.state.sets.get(Number(c.req.param("id")));
  if (set && sameScope(set.scope, scope)) return set;
  throw noSuchSet(c.req.param("id") ?? "");
}
export const noSuchSet = (id: string) =>
  serviceRefusal(404, "RunnerScaleSetNotFoundException", `No runner scale set found with identifier ${id}.`);

const groupOf = (sim: Sim, id: number) => sim.state.groups.find((group) => group.id === id);

export const setView = (sim: Sim, set: ScaleSet) => ({
  id: set.id,
  name: set.name,
  runnerGroupId: set.groupId,
  runnerGroupName: groupOf(sim, set.groupId)?.name ?? "",
  labels: set.labels.map((name, index) => ({ id: index + 1, name, type: "System" })),
  RunnerSetting: { ephemeral: true, isElastic: true, disableUpdate: set.disableUpdate },
  createdOn: time(set.createdMs),
  runnerJitConfigUrl: `${serviceUrl(sim).replace(/\/$/, "")}/_apis/runtime/runnerscalesets/${set.id}/generatejitconfig`,
  statistics: sentStatistics(sim, set),
});

export const list = <T>(value: readonly T[]) => ({ count: value.length, value });

const labelNames = (value: unknown) =>
  Array.isArray(value) ? value.map((label) => text((label as { name?: unknown }).name)) : [];

async function create(sim: Sim, c: Ctx) {
  const scope = adminScope(sim, c);
  const wanted = await body(c);
  const name = text(wanted["name"]);
  const groupId = Number(wanted["runnerGroupId"] || 1);
  if (name === "")
    throw serviceRefusal(400, "ArgumentException", "The name of a runner scale set is required.");
  if (!groupOf(sim, groupId)) {
    throw serviceRefusal(
      404,
      "RunnerGroupNotFoundException",
      `No runner group found with identifier ${groupId}.`,
    );
  }
  // The official key has a capital R; the small one is accepted (github.md 1.4).
  const setting = (wanted["RunnerSetting"] ?? wanted["runnerSetting"] ?? {}) as { disableUpdate?: boolean };
  const labels = labelNames(wanted["labels"]);
  const set = createSet(sim, { name, scope, groupId, labels, disableUpdate: setting.disableUpdate === true });
  if (!set) {
    throw serviceRefusal(400, "RunnerScaleSetExistsException", `Runner scale set ${name} already exists.`);
  }
  return c.json(setView(sim, set));
}

/** Labels stay what they were at creation (ARC #4424); the rest may change. */
async function update(sim: Sim, c: Ctx) {
  const set = pathSet(sim, c, adminScope(sim, c));
  const wanted = await body(c);
  const setting = (wanted["RunnerSetting"] ?? wanted["runnerSetting"]) as
    { disableUpdate?: boolean } | undefined;
  if (wanted["name"] !== undefined) set.name = text(wanted["name"]);
  if (wanted["runnerGroupId"] !== undefined) set.groupId = Number(wanted["runnerGroupId"]);
  if (setting?.disableUpdate !== undefined) set.disableUpdate = setting.disableUpdate;
  return c.json(setView(sim, set));
}

/** Registers an offline record at once; 409 for a name that exists (github.md 1.4, 1.5). */
async function generateJit(sim: Sim, c: Ctx) {
  const set = pathSet(sim, c, adminScope(sim, c));
  const wanted = await body(c);
  const name = text(wanted["name"]);
  if (name === "") throw serviceRefusal(400, "ArgumentException", "The name of a runner is required.");
  const { scope, groupId } = set;
  const workFolder = text(wanted["workFolder"]) || "_work";
  const made = sim.faults.take("jit-name-conflict")
    ? null
    : await register(sim, { name, scope, groupId, set, labels: [], workFolder });
  if (!made) throw serviceRefusal(409, "AgentExistsException", `Agent ${name} already exists in the pool.`);
  const runner = { id: made.runner.id, name, runnerScaleSetId: set.id };
  return c.json({ runner, encodedJITConfig: made.config });
}

function listSets(sim: Sim, c: Ctx) {
  const scope = adminScope(sim, c);
  const { name, runnerGroupId } = c.req.query();
  const found = setsOf(sim, scope)
    .filter((set) => name === undefined || sameName(set.name, name))
    .filter((set) => runnerGroupId === undefined || set.groupId === Number(runnerGroupId));
  return c.json(list(found.map((set) => setView(sim, set))));
}

function listGroups(sim: Sim, c: Ctx) {
  adminScope(sim, c);
  const name = c.req.query("groupName");
  const groups = sim.state.groups.filter((group) => name === undefined || sameName(group.name, name));
  return c.json(list(groups.map(({ id, name }) => ({ id, name, size: 0, isDefaultGroup: id === 1 }))));
}

export const scaleSetHandlers = {
  "scale-set.list": listSets,
  "scale-set.create": create,
  "scale-set.get": (sim, c) => c.json(setView(sim, pathSet(sim, c, adminScope(sim, c)))),
  "scale-set.update": update,
  "scale-set.delete": (sim, c) => {
    deleteSet(sim, pathSet(sim, c, adminScope(sim, c)));
    return nothing(204);
  },
  "scale-set.groups": listGroups,
  "scale-set.jit": generateJit,
} satisfies Partial<Handlers>;
