/** /_simulator/: the control object for other processes. No part of GitHub. */
import type { Hono } from "hono";
import { remoteMethods, type RemoteMethod } from "../control-client.ts";
import type { Control } from "../control.ts";
import type { Env } from "./http.ts";

const isMethod = (name: string): name is RemoteMethod => (remoteMethods as readonly string[]).includes(name);

export function mountControl(app: Hono<Env>, control: Control): void {
  app.get("/_simulator/", (c) => c.json({ methods: remoteMethods }));
  app.post("/_simulator/:method", async (c) => {
    const name = c.req.param("method");
    if (!isMethod(name)) return c.json({ error: `no ${name}: there are ${remoteMethods.join(", ")}` }, 404);
    try {
      const args = (await c.req.json()) as unknown[];
      // The client's types are the control object's own: connectControl.
      const method = control[name] as (...args: unknown[]) => unknown;
      return c.json({ result: (await method.apply(control, args)) ?? null });
    } catch (error) {
      return c.json({ error: (error as Error).message }, 400);
    }
  });
}
