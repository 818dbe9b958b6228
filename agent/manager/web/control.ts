/**
 * Verbs that change the manager: HTTP over a Unix socket that only its own user may open (0600 in a 0700 folder).
 *
 *   POST /control/reload    -> {configHash}          reads the settings file again
 *   POST /control/secrets   ManagerSecrets -> {}     new credentials from now on
 *   POST /control/drain     {timeoutSeconds, pools?} -> text/plain, one line of progress at a time; the last is JSON:
 *                           {"left": machines still busy} or {"error": sentence}; without pools the whole stack
 *   POST /control/undrain   -> {}
 *   POST /control/remove-set {set} -> {id, name}     a scale set of another stack that nobody uses, by name or id
 *   POST /control/stop      -> {}                    the answer comes before the end
 *   GET  /control/state     -> ManagerState
 *
 * A refusal is a 4xx with {error, message}. Every verb may be repeated.
 */
import { Hono } from "hono";
import { stream } from "hono/streaming";
import * as z from "zod";
import { managerSecrets, type ManagerSecrets } from "../../manager-config.ts";
import type { Deps } from "../deps.ts";
import { Refused } from "../errors.ts";
import type { ManagerState } from "../view.ts";
import { jsonBody, refusalResponse } from "./body.ts";
import { type PrivateSocket, servePrivately } from "./private-socket.ts";
import type { Env } from "./http.ts";

export interface ControlHandlers {
  /** @throws an Error for people when the file is wrong; the settings in force stay. */
  reload(): Promise<{ configHash: string }>;
  /** `left`: machines that were still busy when the time was over. The signal aborts when the caller goes away. */
  drain(
    timeoutSeconds: number,
    progress: (line: string) => void,
    signal: AbortSignal,
    pools: readonly string[] | null,
  ): Promise<{ left: number }>;
  undrain(): void;
  secrets(secrets: ManagerSecrets): void;
  /** @throws Refused when there is no such set, or somebody uses it */
  removeSet(nameOrId: string): Promise<{ id: number; name: string }>;
  state(): ManagerState;
  /** Called once the answer has left. */
  stop(): void;
}

export interface ControlOptions {
  /** Absolute; its folder is made where it is missing. */
  path: string;
  handlers: ControlHandlers;
}

const removeRequest = z.object({ set: z.string().min(1).max(200) });
const drainRequest = z.object({
  timeoutSeconds: z.number().min(0).max(86_400),
  pools: z.array(z.string().min(1).max(100)).max(1_000).nullable().default(null),
});

/**
 * @throws when another manager answers on the socket, when the path is too long or is not a socket.
 */
export const serveControl = ({ path, handlers }: ControlOptions, deps: Deps): Promise<PrivateSocket> =>
  servePrivately({ path, app: controlApp(handlers, deps), what: "control socket" }, deps);

function controlApp(handlers: ControlHandlers, deps: Deps): Hono<Env> {
  const app = new Hono<Env>();
  app.get("/control/state", (c) => c.json(handlers.state()));
  app.post("/control/reload", async (c) => c.json(await handlers.reload()));
  app.post("/control/undrain", (c) => {
    handlers.undrain();
    return c.json({});
  });
  app.post("/control/secrets", async (c) => {
    handlers.secrets(await jsonBody(c, managerSecrets));
    return c.json({});
  });
  app.post("/control/remove-set", async (c) =>
    c.json(await handlers.removeSet((await jsonBody(c, removeRequest)).set)),
  );
  app.post("/control/stop", (c) => {
    c.env.outgoing.once("close", () => handlers.stop());
    return c.json({}, 200, { connection: "close" });
  });
  app.post("/control/drain", async (c) => {
    const { timeoutSeconds, pools } = await jsonBody(c, drainRequest);
    c.header("content-type", "text/plain; charset=utf-8");
    return stream(c, async (out) => {
      const gone = new AbortController();
      out.onAbort(() => gone.abort(new Error("the caller of drain went away")));
      const line = (text: string) => void out.write(`${text.replaceAll("\n", " ")}\n`);
      try {
        line(JSON.stringify(await handlers.drain(timeoutSeconds, line, gone.signal, pools)));
      } catch (error) {
        if (gone.signal.aborted) return;
        deps.log.error({ err: error }, "control: drain failed");
        line(JSON.stringify({ error: (error as Error).message }));
      }
    });
  });
  app.notFound((c) =>
    c.json(
      { error: "not-found", message: `There is no ${c.req.method} ${c.req.path} on the control socket.` },
      404,
    ),
  );
  app.onError((error, c) => {
    if (error instanceof Refused) return refusalResponse(c, error);
    deps.log.error({ err: error, path: c.req.path }, "control: a call failed");
    return c.json({ error: "failed", message: error.message }, 500);
  });
  return app;
}
