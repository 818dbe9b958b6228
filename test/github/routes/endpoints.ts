/**
 * Every call that the simulated GitHub answers. The names are what faults and counters speak of; by github.md 1.1 a
 * host that is not github.com has its REST API below /api/v3 and its scale set service below /_services/pipelines/.
 */
const rest = "/api/v3";
const repo = `${rest}/repos/:owner/:repo`;
const org = `${rest}/orgs/:owner`;
const both = (rest: string) => [`${repo}/actions/${rest}`, `${org}/actions/${rest}`];
const sets = "/_services/pipelines/_apis/runtime/runnerscalesets";
const agents = "/_services/pipelines/_apis/distributedtask/pools/:pool/agents";
const broker = "/_services/broker";
const run = "/_services/run";
const twirp = "/twirp/github.actions.results.api.v1.ArtifactService";

interface Endpoint {
  method: "GET" | "POST" | "PATCH" | "DELETE" | "PUT";
  paths: readonly string[];
}
const on = (method: Endpoint["method"], ...paths: string[]): Endpoint => ({ method, paths });

export const endpoints = {
  // REST: App and tokens
  "rest.app": on("GET", `${rest}/app`),
  "rest.app-installations": on("GET", `${rest}/app/installations`),
  "rest.manifest-conversion": on("POST", `${rest}/app-manifests/:code/conversions`),
  "rest.account": on("GET", `${rest}/users/:login`),
  "rest.organization": on("GET", org),
  "rest.installation-token": on("POST", `${rest}/app/installations/:id/access_tokens`),
  "rest.installation-of": on("GET", `${repo}/installation`, `${org}/installation`),
  "rest.rate-limit": on("GET", `${rest}/rate_limit`),
  "rest.repository": on("GET", repo),
  "rest.installation-repositories": on("GET", `${rest}/installation/repositories`),
  // Pages on which a person makes and installs an App
  "web.new-app": on("POST", "/settings/apps/new", "/organizations/:organization/settings/apps/new"),
  "web.make-app": on("POST", "/settings/apps", "/organizations/:organization/settings/apps"),
  "web.install-page": on("GET", "/github-apps/:slug/installations/new"),
  "web.install-app": on("POST", "/github-apps/:slug/installations"),
  // REST: runners
  "rest.registration-token": on("POST", ...both("runners/registration-token")),
  "rest.remove-token": on("POST", ...both("runners/remove-token")),
  "rest.runner-registration": on("POST", `${rest}/actions/runner-registration`),
  "rest.runner-jit": on("POST", ...both("runners/generate-jitconfig")),
  "rest.runner-downloads": on("GET", ...both("runners/downloads")),
  "rest.runner-deprecation": on("GET", ...both("runners/deprecations/:version")),
  // REST: runner groups and what may use them
  "rest.org-repositories": on("GET", `${org}/repos`),
  "rest.runner-groups": on("GET", `${org}/actions/runner-groups`),
  "rest.runner-group": on("GET", `${org}/actions/runner-groups/:id`),
  "rest.runner-group-repositories": on("GET", `${org}/actions/runner-groups/:id/repositories`),
  "rest.runners": on("GET", ...both("runners")),
  "rest.runner": on("GET", ...both("runners/:id")),
  "rest.runner-delete": on("DELETE", ...both("runners/:id")),
  "download.runner": on("GET", "/downloads/:filename"),
  // REST: runs and jobs
  "rest.dispatch": on("POST", `${repo}/actions/workflows/:workflow/dispatches`),
  "rest.runs": on("GET", `${repo}/actions/runs`),
  "rest.run": on("GET", `${repo}/actions/runs/:id`),
  "rest.run-jobs": on("GET", `${repo}/actions/runs/:id/jobs`),
  "rest.run-artifacts": on("GET", `${repo}/actions/runs/:id/artifacts`),
  "rest.run-cancel": on("POST", `${repo}/actions/runs/:id/cancel`, `${repo}/actions/runs/:id/force-cancel`),
  "rest.run-rerun": on("POST", `${repo}/actions/runs/:id/rerun`),
  "rest.run-rerun-failed": on("POST", `${repo}/actions/runs/:id/rerun-failed-jobs`),
  "rest.job": on("GET", `${repo}/actions/jobs/:id`),
  "rest.job-rerun": on("POST", `${repo}/actions/jobs/:id/rerun`),
  "rest.job-logs": on("GET", `${repo}/actions/jobs/:id/logs`),
  "rest.environments": on("GET", `${repo}/environments`),
  "rest.deployments": on("GET", `${repo}/deployments`),
  "rest.deployment-statuses": on("GET", `${repo}/deployments/:id/statuses`),
  // Scale set service
  "scale-set.list": on("GET", sets),
  "scale-set.create": on("POST", sets),
  "scale-set.get": on("GET", `${sets}/:id`),
  "scale-set.update": on("PATCH", `${sets}/:id`),
  "scale-set.delete": on("DELETE", `${sets}/:id`),
  "scale-set.groups": on(
    "GET",
    "/_services/pipelines/_apis/runtime/runnergroups",
    "/_services/pipelines/_apis/runtime/runnergroups/",
  ),
  "scale-set.jit": on("POST", `${sets}/:id/generatejitconfig`),
  "scale-set.acquire": on("POST", `${sets}/:id/acquirejobs`),
  "scale-set.acquirable": on("GET", `${sets}/:id/acquirablejobs`),
  "session.create": on("POST", `${sets}/:id/sessions`),
  "session.refresh": on("PATCH", `${sets}/:id/sessions/:session`),
  "session.delete": on("DELETE", `${sets}/:id/sessions/:session`),
  "queue.poll": on("GET", "/scalesets/message", `${sets}/:id/messages`),
  "queue.delete": on("DELETE", "/scalesets/message/:message", `${sets}/:id/messages/:message`),
  "agent.list": on("GET", agents),
  "agent.get": on("GET", `${agents}/:id`),
  "agent.delete": on("DELETE", `${agents}/:id`),
  // What a runner talks to (wire.ts)
  "broker.token": on("POST", "/_services/oauth2/token"),
  "broker.session": on("POST", `${broker}/session`),
  "broker.session-delete": on("DELETE", `${broker}/session`),
  "broker.message": on("GET", `${broker}/message`),
  "broker.acknowledge": on("POST", `${broker}/acknowledge`),
  "run-service.acquire": on("POST", `${run}/acquirejob`),
  "run-service.renew": on("POST", `${run}/renewjob`),
  "run-service.complete": on("POST", `${run}/completejob`),
  "run-service.log": on("POST", `${run}/log`),
  // Artifacts
  "artifact.create": on("POST", `${twirp}/CreateArtifact`),
  "artifact.finalize": on("POST", `${twirp}/FinalizeArtifact`),
  "artifact.list": on("POST", `${twirp}/ListArtifacts`),
  "artifact.url": on("POST", `${twirp}/GetSignedArtifactURL`),
  "artifact.delete": on("POST", `${twirp}/DeleteArtifact`),
  "blob.put": on("PUT", "/_blobs/artifacts/:id"),
  "blob.get": on("GET", "/_blobs/artifacts/:id"),
} satisfies Record<string, Endpoint>;

export type EndpointName = keyof typeof endpoints;
export const endpointNames = Object.keys(endpoints) as EndpointName[];
