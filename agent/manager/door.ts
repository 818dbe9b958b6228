/** The door for machines of clouds and hosts, as settings and secrets have it: opened, given another certificate, shut. */
import type { ManagerConfig, ManagerSecrets } from "../manager-config.ts";
import type { Deps } from "./deps.ts";
import { type AgentsTls, serveAgentsOverTls } from "./web/agents-tls.ts";
import type { AgentHandlers } from "./web/agents.ts";
import type { BootHandlers } from "./web/boot.ts";
import { servedCertificate } from "./web/certificate.ts";

export interface Door {
  /** Null while it is shut. */
  port(): number | null;
  /** Why machines cannot call although the settings name them; null when all is well. */
  problem(): string | null;
  /** After a change; what cannot be served leaves what was served before. @throws when the port cannot be had */
  follow(config: ManagerConfig, secrets: ManagerSecrets): Promise<void>;
  close(): Promise<void>;
}

export function makeDoor(agents: AgentHandlers, boot: BootHandlers, deps: Deps): Door {
  let open: AgentsTls | null = null;
  let openedFor: number | null = null;
  let problem: string | null = null;
  // One after the other: two reloads must not open it twice.
  let turn: Promise<void> = Promise.resolve();

  const adopt = async ({ manager }: ManagerConfig, secrets: ManagerSecrets) => {
    problem = null;
    if (open && openedFor !== (manager.agents?.port ?? null)) {
      await open.close();
      [open, openedFor] = [null, null];
    }
    if (manager.agents === null) return;
    try {
      const certificate = servedCertificate(manager.agents, secrets);
      if (open) return open.use(certificate);
      open = await serveAgentsOverTls({ port: manager.agents.port, certificate, agents, boot }, deps);
      openedFor = manager.agents.port;
      deps.log.info({ port: open.port }, "machines of clouds can call");
    } catch (error) {
      problem = (error as Error).message;
      deps.log.error({ why: problem }, "machines of clouds cannot call");
      if ((error as { cause?: NodeJS.ErrnoException }).cause?.syscall === "listen") throw error;
    }
  };
  return {
    port: () => open?.port ?? null,
    problem: () => problem,
    follow: (config, secrets) => {
      const next = turn.then(() => adopt(config, secrets));
      turn = next.catch(() => {});
      return next;
    },
    close: async () => {
      await turn;
      await open?.close();
      open = null;
    },
  };
}
