/**
 * What machines of clouds ask before they have an agent (agent/boot-manifest.ts): the manifest, the agent's bundle, and a
 * place to say why a boot failed. None of it needs a login: nothing of it is a secret, and a report counts for nothing.
 */
import { Hono } from "hono";
import * as z from "zod";
import { type BootPhase, bootPhases } from "../../boot-manifest.ts";
import type { Deps } from "../deps.ts";
import { Refused } from "../errors.ts";
import { callerOf } from "./address.ts";
import { addressOf, failed, take } from "./agents.ts";
import { smallText } from "./body.ts";
import type { Env } from "./http.ts";
import type { WebLimits } from "./limits.ts";
import { makeRates } from "./rates.ts";
import { makeUnderWay } from "./under-way.ts";

export interface BootReport {
  machine: string;
  pool: string;
  phase: BootPhase;
  /** As it was sent: whatever a machine, or somebody who pretends to be one, wrote. */
  text: string;
}

export interface BootHandlers {
  /** Lines as boot-manifest.ts has them. @throws Refused, 503 while it is not known what to run */
  manifest(arch: "arm64" | "x64", pool: string): Promise<string>;
  /** The runner agent's bundle with this digest (64 hex characters); null when it is not one of ours. */
  runnerBundle(sha256: string): Promise<Uint8Array<ArrayBuffer> | null>;
  report(report: BootReport): void;
}

export const reportBytesMax = 8 * 1024;

/** Where the manager serves the agent's bundle. */
export const bundlePath = (sha256: string): string => `/bundle/runner-${sha256}.mjs`;

const pool = z.string().regex(/^[\w.-]{1,64}$/);
const manifestQuery = z.object({ arch: z.enum(["arm64", "x64"]), pool });
const reportQuery = z.object({
  machine: z.string().regex(/^[\w.-]{1,64}$/),
  pool,
  phase: z.enum(bootPhases),
});

/** @throws Refused 400 that names what is wrong and never a value */
function queryOf<T>(schema: z.ZodType<T>, given: Record<string, string>): T {
  const { success, data, error } = schema.safeParse(given);
  if (success) return data;
  const names = error.issues.map(({ path }) => path.join("."));
  throw new Refused(400, "bad-request", `The query is not as it should be: ${names.join(", ")}.`);
}

export function bootRoutes(handlers: BootHandlers, limits: WebLimits, deps: Deps): Hono<Env> {
  const calls = makeRates(limits.callsPerAddress, deps.clock);
  const reports = makeRates(limits.reportsPerAddress, deps.clock);
  const allReports = makeRates(limits.reports, deps.clock);
  const bundles = makeUnderWay(limits.bundles, deps);
  const app = new Hono<Env>();
  app.use(async (c, next) => {
    take(calls, callerOf(addressOf(c)), "calls");
    await next();
  });
  app.get("/boot/v1/manifest", async (c) => {
    const { arch, pool } = queryOf(manifestQuery, c.req.query());
    return c.text(await handlers.manifest(arch, pool));
  });
  app.get("/bundle/:file{runner-[0-9a-f]{64}\\.mjs}", async (c) => {
    bundles(c.env, callerOf(addressOf(c)));
    const bytes = await handlers.runnerBundle(c.req.param("file").slice("runner-".length, -".mjs".length));
    return bytes ? c.body(bytes, 200, { "content-type": "text/javascript; charset=utf-8" }) : c.notFound();
  });
  app.post("/boot-report", async (c) => {
    take(reports, callerOf(addressOf(c)), "reports");
    take(allReports, "", "reports");
    const query = queryOf(reportQuery, c.req.query());
    handlers.report({ ...query, text: await smallText(c, reportBytesMax) });
    return c.body(null, 204);
  });
  app.onError(failed(deps));
  return app;
}
