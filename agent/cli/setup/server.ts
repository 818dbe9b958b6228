/**
 * The page on loopback to which GitHub sends the browser back. It lives for one set-up, and only the link in the
 * terminal opens it: its path is a secret, as is the `state` that GitHub's answer must bring along.
 */
import { timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { guard } from "../../manager/web/guard.ts";
import { CliError } from "../errors.ts";
import type { SetupDeps } from "./deps.ts";
import { renderPage, type View } from "./page.ts";
import { style } from "./style.ts";

export interface SetupPage {
  port: number;
  /** For the person. */
  link: string;
  /** For GitHub. */
  redirectUrl: string;
  state: string;
  show(view: View): void;
  /** Waits until the browser has fetched what is shown, at most `limitMs`; then ends every connection. */
  close(limitMs: number): Promise<void>;
}

export interface PageEvents {
  /** GitHub's code came back with the right state. Shown afterwards is whatever it left. */
  code: (code: string) => Promise<void>;
  /** The person asks for the same again. */
  retry: () => Promise<void>;
  cancel: () => void;
}

const same = (given: string, wanted: string) => {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
};

const codeShape = /^[\w-]{1,200}$/;

/**
 * Listens before it resolves.
 * @param options.port 0 for any; a known one helps with tunnels
 * @param options.github origin to which the form may go
 */
export const openPage = async (
  options: { port: number; github: string },
  events: PageEvents,
  deps: SetupDeps,
): Promise<SetupPage> => {
  const [key, state] = [deps.secret(24), deps.secret(24)];
  const path = `/${key}`;
  let view: View = { kind: "failed", problem: "Nothing is to be shown yet." };
  let shown: View | null = null;
  let seen = () => {};
  let warned = false;
  const app = new Hono();
  let port = 0;
  app.use(guard(() => port, new Set([`${path}/retry`, `${path}/cancel`]), ["'self'", options.github]));
  app.get("/page.css", (c) => c.body(style, 200, { "content-type": "text/css; charset=utf-8" }));
  app.get(path, (c) => {
    shown = view;
    seen();
    return c.html(renderPage(view, path));
  });
  app.get("/created", async (c) => {
    if (!same(c.req.query("state") ?? "", state)) {
      // Once: anything on this computer may ask, and must not push the link out of the terminal.
      if (!warned)
        deps.say("an answer with a foreign state was refused; this set-up still waits for its own");
      warned = true;
      const problem =
        "This answer does not belong to this set-up, or is an old one. Open the link that the terminal shows.";
      return c.html(renderPage({ kind: "failed", problem }, path), 403);
    }
    const code = c.req.query("code") ?? "";
    if (!codeShape.test(code)) {
      const problem =
        "GitHub's answer holds no code. Open the link that the terminal shows, and begin again.";
      return c.html(renderPage({ kind: "failed", problem }, path), 400);
    }
    await events.code(code);
    // Away from the code in the address.
    return c.redirect(path, 303);
  });
  app.post(`${path}/retry`, async (c) => {
    await events.retry();
    return c.redirect(path, 303);
  });
  app.post(`${path}/cancel`, (c) => {
    events.cancel();
    return c.redirect(path, 303);
  });
  app.notFound((c) =>
    c.text("Nothing is here. The link in the terminal opens the page of this set-up.\n", 404),
  );
  app.onError((error, c) => {
    deps.say(`the page failed: ${error.message}`);
    return c.text("This went wrong; the terminal says more.\n", 500);
  });
  const listener = getRequestListener(app.fetch as Parameters<typeof getRequestListener>[0], {
    overrideGlobalObjects: false,
  });
  const server = createServer(
    { headersTimeout: 5_000, requestTimeout: 10_000 },
    (request, response) => void listener(request, response),
  );
  server.maxConnections = 50;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        new CliError(
          error.code === "EADDRINUSE"
            ? `port ${options.port} of 127.0.0.1 is in use: give another with --port, or none.`
            : `no page can be opened on 127.0.0.1: ${error.message}.`,
        ),
      ),
    );
    server.listen(options.port, "127.0.0.1", resolve);
  });
  port = (server.address() as AddressInfo).port;
  const origin = `http://127.0.0.1:${port}`;
  return {
    port,
    link: `${origin}${path}`,
    redirectUrl: `${origin}/created`,
    state,
    show: (next) => void (view = next),
    close: async (limitMs) => {
      const fetched = new AbortController();
      seen = () => fetched.abort();
      if (shown === view) seen();
      await deps.clock.sleep(limitMs, AbortSignal.any([fetched.signal, deps.signal]));
      // A moment for the answer and its stylesheet to leave.
      if (fetched.signal.aborted) await deps.clock.sleep(Math.min(limitMs, 300));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
