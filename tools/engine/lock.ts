/**
 * A lock that the kernel frees when its holder dies: an abstract Unix socket (Linux), so that nothing stale is ever
 * left in the file system.
 */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

const listen = (path: string) =>
  new Promise<Server | null>((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(null) : reject(error),
    );
    server.listen({ path }, () => resolve(server));
  });

/**
 * Runs `work` while no other process of this computer runs work of the same name.
 * @param waiting called about every second while another process holds the lock
 */
export const withLock = async <T>(
  name: string,
  work: () => Promise<T>,
  waiting: () => void = () => {},
): Promise<T> => {
  const path = `\0muster-${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
  let server = await listen(path);
  while (!server) {
    waiting();
    await sleep(1_000);
    server = await listen(path);
  }
  try {
    return await work();
  } finally {
    server.close();
  }
};
