/** The broker session, with the real runner's patience and words (src/Runner.Listener/BrokerMessageListener.cs). */
import { hostname, release } from "node:os";
import { codes } from "../common/codes.ts";
import { terminalTime } from "../common/deps.ts";
import { call } from "../common/http.ts";
import { InvalidClient, Refused } from "../common/refused.ts";
import { runnerVersion } from "../common/version.ts";
import { brokerUrl, type Context, type ListenerDeps } from "./context.ts";

const retryIntervalMs = 30_000;
const conflictLimitMs = 240_000;

export type Opened = { sessionId: string } | { code: number };

const deleted =
  "Failed to create a session. The runner registration has been deleted from the server, please re-configure. " +
  "Runner registrations are automatically deleted for runners that have not connected to the service recently.";

async function create(context: Context, deps: ListenerDeps): Promise<string> {
  const { settings } = context.config;
  const url = brokerUrl(context, "session");
  const json = {
    ownerName: `${hostname()} (PID: ${process.pid})`,
    agent: {
      id: settings.AgentId,
      name: settings.AgentName,
      version: runnerVersion,
      osDescription: `Linux ${release()}`,
    },
  };
  const signal = context.shutdown;
  const answer = await call(context.tokens, { method: "POST", url, json, timeoutMs: 30_000, signal }, deps);
  return (answer as { sessionId: string }).sessionId;
}

export const deprecatedCode = (context: Context) =>
  context.deprecatedCode ? codes.versionDeprecated : codes.terminated;

/** The exit code when another attempt is useless, else null. */
function giveUp(context: Context, error: unknown, conflicts: number): number | null {
  const { terminal } = context;
  if (error instanceof InvalidClient) {
    terminal.error(deleted);
    return codes.terminated;
  }
  if (!(error instanceof Refused)) return null;
  const failed = (code: number) => {
    terminal.error(`Failed to create session. ${error.message}`);
    return code;
  };
  if (error.status === 403 && error.kind === "RunnerVersionTooOld") {
    terminal.error(`An error occurred: ${error.message}`);
    return deprecatedCode(context);
  }
  if (error.status === 404) {
    terminal.error("The runner no longer exists on the server. Please reconfigure the runner.");
    return failed(codes.terminated);
  }
  if (error.status === 401 || error.status === 403) return failed(codes.terminated);
  if (error.status !== 409) return null;
  terminal.error("A session for this runner already exists.");
  if (conflicts * retryIntervalMs < conflictLimitMs) return null;
  terminal.error(
    `Stop retry on SessionConflictException after retried for ${conflictLimitMs / 1000} seconds.`,
  );
  return failed(codes.sessionConflict);
}

/** Tries until it has a session or it is useless to go on; rejects when the runner is shut down meanwhile. */
export async function openSession(context: Context, deps: ListenerDeps): Promise<Opened> {
  const { terminal, diag, shutdown } = context;
  let troubled = false;
  for (let conflicts = 0; ;) {
    try {
      await context.tokens.get();
      terminal.line("");
      terminal.line("√ Connected to GitHub");
      terminal.line("");
      const sessionId = await create(context, deps);
      if (troubled) terminal.line(`${terminalTime(deps.now())}: Runner reconnected.`);
      return { sessionId };
    } catch (error) {
      shutdown.throwIfAborted();
      diag.error(`Catch exception during create session. ${String(error)}`);
      if (error instanceof Refused && error.status === 409) conflicts += 1;
      const code = giveUp(context, error, conflicts);
      if (code !== null) return { code };
      if (!troubled) {
        const why = (error as Error).message;
        terminal.error(
          `${terminalTime(deps.now())}: Runner connect error: ${why}. Retrying until reconnected.`,
        );
      }
      troubled = true;
      await deps.sleep(retryIntervalMs, shutdown);
    }
  }
}

/** Best effort: the record may be gone already. */
export async function closeSession(context: Context, sessionId: string, deps: ListenerDeps): Promise<void> {
  const url = brokerUrl(context, `session?sessionId=${encodeURIComponent(sessionId)}`);
  try {
    await call(context.tokens, { method: "DELETE", url, timeoutMs: 5_000 }, deps);
  } catch (error) {
    context.diag.info(`Ignore any exception during DeleteSession. ${String(error)}`);
  }
}
