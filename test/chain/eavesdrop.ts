/** What a job as root could read from its agent's memory: token, session and JIT config, written down as they pass by. */
import { once } from "node:events";
import { existsSync, renameSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";

export interface Held {
  machine: string;
  token: string;
  session: string;
  jitConfig: string;
}

export interface Eavesdropper {
  /** The manager's own socket, behind the one that agents call. */
  socketPath: string;
  /** By machine, what is known so far. */
  held: ReadonlyMap<string, Partial<Held>>;
  /** Everything of the only machine; throws while something is missing. */
  only(): Held;
  /** Gives the socket's place back, as a restarting manager needs it. */
  stop(): Promise<void>;
}

/** Takes the place of the manager's socket for agents and passes all bytes on. @param known kept over a restart */
export async function eavesdrop(
  directory: string,
  known = new Map<string, Partial<Held>>(),
): Promise<Eavesdropper> {
  const path = join(directory, "agents.sock");
  const socketPath = join(directory, "agents-real.sock");
  renameSync(path, socketPath);
  const open = new Set<Socket>();
  const server = createServer((agent) => {
    const manager = connect(socketPath);
    for (const socket of [agent, manager]) {
      open.add(socket);
      socket.on("close", () => open.delete(socket));
      socket.on("error", () => (agent.destroy(), manager.destroy()));
    }
    let machine = "";
    const note = (part: Partial<Held>) => known.set(machine, { ...known.get(machine), ...part, machine });
    agent.on("data", (bytes) => {
      const text = bytes.toString("latin1");
      machine = /"machine":"([^"]+)"/.exec(text)?.[1] ?? machine;
      const [token, session] = [/"token":"([^"]+)"/, /^authorization: Bearer (\S+)/im].map(
        (pattern) => pattern.exec(text)?.[1],
      );
      if (token !== undefined) note({ token });
      if (session !== undefined) {
        machine = Buffer.from(session.split(".")[0]!, "base64url").toString();
        note({ session });
      }
    });
    let said = "";
    manager.on("data", (bytes) => {
      said = (said + bytes.toString("latin1")).slice(-64 * 1024);
      const jitConfig = /"jitConfig":"([^"]+)"/.exec(said)?.[1];
      if (jitConfig !== undefined) note({ jitConfig });
    });
    agent.pipe(manager).pipe(agent);
  });
  server.listen(path);
  await once(server, "listening");
  return {
    socketPath,
    held: known,
    only: () => {
      const [all, ...others] = [...known.values()];
      const missing = ["token", "session", "jitConfig"].filter((name) => !all?.[name as keyof Held]);
      if (others.length > 0 || missing.length > 0)
        throw new Error(`${known.size} machines were heard; the first lacks: ${missing.join(", ")}`);
      return all as Held;
    },
    stop: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      rmSync(path, { force: true });
      if (existsSync(socketPath)) renameSync(socketPath, path);
    },
  };
}
