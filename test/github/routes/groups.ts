/** Runner groups of an organisation, and its repositories (GitHub's REST documentation, version 2022-11-28). */
import { restRefusal } from "../core/errors.ts";
import type { Sim } from "../core/sim.ts";
import { sameName } from "../core/state.ts";
import type { GroupOptions } from "../options.ts";
import { repositoryView } from "./app.ts";
import { caller, pathScope, runnerScope } from "./auth.ts";
import { page, type Ctx, type Handlers } from "./http.ts";

const groupView = ({ id, name, visibility = "all", allowsPublicRepositories }: GroupOptions) => ({
  id,
  name,
  visibility,
  default: id === 1,
  inherited: false,
  allows_public_repositories: allowsPublicRepositories,
  restricted_to_workflows: false,
  selected_workflows: [],
});

function groups(sim: Sim, c: Ctx) {
  runnerScope(sim, c, "read");
  const all = sim.state.groups.map(groupView);
  return c.json({ total_count: all.length, runner_groups: page(c, all) });
}

function pathGroup(sim: Sim, c: Ctx): GroupOptions {
  const found = sim.state.groups.find(({ id }) => String(id) === c.req.param("id"));
  if (!found) throw restRefusal(404, "Not Found");
  return found;
}

/** Only a group of visibility `selected` has a list. */
function groupRepositories(sim: Sim, c: Ctx) {
  const { owner } = runnerScope(sim, c, "read");
  const { visibility, repositories = [] } = pathGroup(sim, c);
  const chosen = sim.state.repositories.filter(
    (one) =>
      visibility === "selected" &&
      sameName(one.owner, owner) &&
      repositories.some((name) => sameName(name, one.name)),
  );
  const views = page(c, chosen).map((one) => repositoryView(sim, one));
  return c.json({ total_count: chosen.length, repositories: views });
}

/** `type=public` needs no rights: whoever may call sees all public ones. */
function repositories(sim: Sim, c: Ctx) {
  const { owner } = pathScope(sim, c, caller(sim, c));
  const type = c.req.query("type") ?? "all";
  const found = sim.state.repositories.filter(
    (one) =>
      sameName(one.owner, owner) &&
      (type === "all" || (type === "public" && !one.private) || (type === "private" && one.private)),
  );
  return c.json(page(c, found).map((one) => repositoryView(sim, one)));
}

export const groupHandlers = {
  "rest.org-repositories": repositories,
  "rest.runner-groups": groups,
  "rest.runner-group": (sim, c) => {
    runnerScope(sim, c, "read");
    return c.json(groupView(pathGroup(sim, c)));
  },
  "rest.runner-group-repositories": groupRepositories,
} satisfies Partial<Handlers>;
