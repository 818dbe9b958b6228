import { expect, test } from "vitest";
import { counting, routeOf } from "../../../agent/manager/count-requests.ts";

test.each([
  [
    "GET",
    "/api/v3/repos/acme/widgets/actions/runners/downloads",
    "GET /api/v3/repos/:owner/:repo/actions/runners/downloads",
  ],
  [
    "POST",
    "/orgs/acme/actions/runners/registration-token",
    "POST /orgs/:owner/actions/runners/registration-token",
  ],
  [
    "DELETE",
    "/_apis/distributedtask/pools/0/agents/17",
    "DELETE /_apis/distributedtask/pools/:id/agents/:id",
  ],
  [
    "DELETE",
    "/_apis/runtime/runnerscalesets/3/sessions/3f0c1d2e-aaaa-4bbb-8ccc-0123456789ab",
    "DELETE /_apis/runtime/runnerscalesets/:id/sessions/:id",
  ],
])("%s %s counts as %s", (method, path, route) => {
  expect(routeOf(method, path)).toBe(route);
});

test("answers count by status, a call without one as 0, and its error goes on", async () => {
  const seen: [string, number][] = [];
  const observe = (route: string, status: number) => void seen.push([route, status]);
  await counting(
    async () => new Response(null, { status: 202 }),
    observe,
  )("http://127.0.0.1/scalesets/message?x=1");
  const broken = counting(() => Promise.reject(new Error("reset")), observe);
  await expect(broken("http://127.0.0.1/user", { method: "POST" })).rejects.toThrow("reset");
  expect(seen).toEqual([
    ["GET /scalesets/message", 202],
    ["POST /user", 0],
  ]);
});
