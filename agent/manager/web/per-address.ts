/** No address takes all connections: who has its share gets 429 and is hung up on, before a byte of it is read. */
import type { Server, Socket } from "node:net";
import { callerOf } from "./address.ts";

const answer = [
  "HTTP/1.1 429 Too Many Requests",
  "retry-after: 5",
  "connection: close",
  "content-length: 0",
  "",
  "",
].join("\r\n");

const politely = (socket: Socket): void => {
  socket.on("error", () => {});
  socket.end(answer, () => socket.destroy());
};

/**
 * Called once, before the server listens.
 *
 * @param refuse how it is hung up on: over TLS without a word, which could not be read
 */
export function capPerAddress(server: Server, max: number, refuse = politely): void {
  const open = new Map<string, number>();
  const listeners = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    const address = callerOf(socket.remoteAddress ?? "");
    const count = (open.get(address) ?? 0) + 1;
    if (count > max) return refuse(socket);
    open.set(address, count);
    socket.once("close", () => {
      const left = open.get(address)! - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
    for (const listener of listeners) listener.call(server, socket);
  });
}
