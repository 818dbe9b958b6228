/**
 * What a TLS server does before it knows anybody costs it most: so many handshakes at a time, so many of one address, so many
 * new connections of one address in a while. Whoever has more is hung up on, before a byte is read.
 */
import type { Server } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Deps } from "../deps.ts";
import { callerOf } from "./address.ts";
import type { WebLimits } from "./limits.ts";
import { makeRates } from "./rates.ts";

export interface Handshakes {
  /** Under way. */
  now(): number;
}

/** Called once, before the server listens. */
export function capHandshakes(server: Server, limits: WebLimits, deps: Deps): Handshakes {
  const { handshakesMax, handshakesPerAddressMax, connectsPerAddress } = limits;
  const rates = makeRates(connectsPerAddress, deps.clock);
  /** Connection -> whose it is. */
  const underWay = new Map<string, string>();
  const perAddress = new Map<string, number>();
  const nameOf = ({ remoteAddress, remotePort }: Socket | TLSSocket) => `${remoteAddress} ${remotePort}`;
  const over = (name: string) => {
    const caller = underWay.get(name);
    if (caller === undefined) return;
    underWay.delete(name);
    const left = perAddress.get(caller)! - 1;
    if (left > 0) perAddress.set(caller, left);
    else perAddress.delete(caller);
  };

  const listeners = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    const caller = callerOf(socket.remoteAddress ?? "");
    const own = perAddress.get(caller) ?? 0;
    if (underWay.size >= handshakesMax || own >= handshakesPerAddressMax || rates.take(caller) !== null) {
      socket.destroy();
      return;
    }
    const name = nameOf(socket);
    underWay.set(name, caller);
    perAddress.set(caller, own + 1);
    socket.once("close", () => over(name));
    for (const listener of listeners) listener.call(server, socket);
  });
  server.on("secureConnection", (socket: TLSSocket) => over(nameOf(socket)));
  return { now: () => underWay.size };
}
