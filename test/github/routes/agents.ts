/** Runner records as the scale set service shows them (github.md 1.4). */
import { serviceRefusal } from "../core/errors.ts";
import { time } from "../core/queue.ts";
import { requestRemoval } from "../core/removal.ts";
import { isBusy, isOnline, runnersOf } from "../core/runners.ts";
import type { Sim } from "../core/sim.ts";
import { sameName, sameScope, type Runner } from "../core/state.ts";
import { nothing, type Ctx, type Handlers } from "./http.ts";
import { adminScope, list } from "./scale-sets.ts";

const agentView = (sim: Sim, runner: Runner) => ({
  id: runner.id,
  name: runner.name,
  runnerScaleSetId: runner.set?.id ?? 0,
  version: runner.version ?? "",
  enabled: true,
  ephemeral: true,
  status: isOnline(sim, runner) ? "online" : "offline",
  busy: isBusy(runner),
  labels: runner.labels.map((name, index) => ({ id: index + 1, name, type: "user" })),
  createdOn: time(runner.createdMs),
  runnerGroupId: runner.groupId,
});

function pathAgent(sim: Sim, c: Ctx): Runner {
  const scope = adminScope(sim, c);
  const id = c.req.param("id") ?? "";
  const runner = sim.state.runners.get(Number(id));
  if (runner && sameScope(runner.scope, scope)) return runner;
  throw serviceRefusal(404, "AgentNotFoundException", `No agent found with identifier ${id}.`);
}

export const agentHandlers = {
  "agent.list": (sim, c) => {
    const name = c.req.query("agentName");
    const all = runnersOf(sim, adminScope(sim, c));
    const found = all.filter((runner) => name === undefined || sameName(runner.name, name));
    return c.json(list(found.map((runner) => agentView(sim, runner))));
  },
  "agent.get": (sim, c) => c.json(agentView(sim, pathAgent(sim, c))),
  "agent.delete": (sim, c) => {
    const runner = pathAgent(sim, c);
    if (requestRemoval(sim, runner)) return nothing(204);
    const why = `Agent ${runner.name} cannot be deleted: a job is still running on it.`;
    throw serviceRefusal(400, "JobStillRunningException", why);
  },
} satisfies Partial<Handlers>;
