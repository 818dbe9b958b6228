/** No address takes all connections: who has its share gets 429 and is hung up on, before a byte of it is read. */
import type { Server } from "node:http";
import type { Socket } from "node:net";

const answer = [
  "HTTP/1.1 429 Too Many Requests",
  "retry-after: 5",
  "connection: close",
  "content-length: 0",
  "",
  "",
].join("\r\n");

/** Called once, before the server listens. */
export function capPerAddress(server: Server, max: number): void {
  const open = new Map<string, number>();
  const listeners = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    const count = (open.get(address) ?? 0) + 1;
    if (count > max) {
      socket.on("error", () => {});
      socket.end(answer, () => socket.destroy());
      return;
    }
    open.set(address, count);
    socket.once("close", () => {
      const left = open.get(address)! - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
    for (const listener of listeners) listener.call(server, socket);
  });
}
