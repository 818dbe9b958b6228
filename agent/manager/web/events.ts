/**
 * GET /events: server-sent events, `state` with the body of /api/state, or with `?as=page` `page` with the page's
 * <main>. A listener gets the present at once and then every change, coalesced; nothing is computed without listeners.
 */
import type { Context } from "hono";
import { streamSSE, type SSEStreamingApi } from "hono/streaming";
import type { Deps } from "../deps.ts";
import type { ManagerState } from "../view.ts";
import { renderMain } from "./page/page.ts";
import type { WebLimits } from "./limits.ts";

type Kind = "state" | "page";

export function liveEvents(handlers: { state(): ManagerState }, limits: WebLimits, deps: Deps) {
  const over = new AbortController();
  const listeners = new Set<() => void>();
  let version = 0;
  // Several listeners share one rendering of the same moment.
  let latest: {
    version: number;
    atMs: number;
    state: ManagerState;
    text: Partial<Record<Kind, string>>;
  } | null = null;

  const present = (kind: Kind): { text: string; moving: boolean } => {
    const now = deps.clock.now();
    if (!latest || latest.version !== version || now - latest.atMs >= limits.eventMsMin) {
      latest = { version, atMs: now, state: handlers.state(), text: {} };
    }
    const { state } = latest;
    latest.text[kind] ??= kind === "page" ? renderMain(state) : JSON.stringify(state);
    return { text: latest.text[kind], moving: state.jobs.some((job) => job.state !== "completed") };
  };

  /** Until something changed, or `ms` have passed. */
  const change = async (seen: number, ms: number, ended: AbortSignal): Promise<void> => {
    if (version !== seen || ended.aborted) return;
    await new Promise<void>((resolve) => {
      const cancel = deps.clock.after(ms, done);
      function done() {
        cancel();
        listeners.delete(done);
        ended.removeEventListener("abort", done);
        resolve();
      }
      listeners.add(done);
      ended.addEventListener("abort", done, { once: true });
    });
  };

  const send = async (stream: SSEStreamingApi, kind: Kind, ended: AbortSignal): Promise<void> => {
    await stream.write("retry: 2000\n\n");
    let sentMs = -Infinity;
    let sent = -1;
    while (!ended.aborted) {
      const seen = version;
      const now = deps.clock.now();
      const { text, moving } = present(kind);
      if (seen !== sent || moving) {
        await stream.writeSSE({ event: kind, data: text });
        sent = seen;
        sentMs = now;
      } else if (now - sentMs >= limits.heartbeatMs) {
        await stream.write(": still here\n\n");
        sentMs = now;
      }
      await pause(limits.eventMsMin, ended, deps);
      await change(seen, (moving ? limits.eventMsMax : limits.heartbeatMs) - limits.eventMsMin, ended);
    }
  };

  let open = 0;
  return {
    listen(c: Context): Response {
      if (c.req.raw.method === "HEAD") return c.body(null, 200, { "content-type": "text/event-stream" });
      if (open >= limits.listenersMax || over.signal.aborted) {
        const message = `${open} listeners are here already; close a page that shows this manager.`;
        return c.json({ error: "busy", message }, 503, { "retry-after": "10" });
      }
      const kind: Kind = c.req.query("as") === "page" ? "page" : "state";
      open++;
      return streamSSE(
        c,
        async (stream) => {
          const gone = new AbortController();
          stream.onAbort(() => gone.abort());
          try {
            await send(stream, kind, AbortSignal.any([gone.signal, over.signal]));
          } finally {
            open--;
          }
        },
        async (error) => deps.log.error({ err: error }, "web: a listener's stream failed"),
      );
    },
    changed(): void {
      version++;
      for (const wake of [...listeners]) wake();
    },
    close: () => over.abort(),
  };
}

async function pause(ms: number, ended: AbortSignal, deps: Deps): Promise<void> {
  try {
    await deps.clock.sleep(ms, ended);
  } catch {
    // The listener is gone; the loop sees it.
  }
}
