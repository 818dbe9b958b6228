/** What the two servers share. */
import type { HttpBindings } from "@hono/node-server";
import type { Server } from "node:http";
import type { Deps } from "../deps.ts";

export type Env = { Bindings: HttpBindings };

/** Lets answers under way finish for `ms`, then cuts. */
export async function closed(server: Server, ms: number, deps: Deps): Promise<void> {
  const cancel = deps.clock.after(ms, () => server.closeAllConnections());
  await new Promise<void>((resolve) => server.close(() => resolve()));
  cancel();
}
