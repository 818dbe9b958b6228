/** HTTP over a Unix socket that only its own user may open: 0600 in a folder that is 0700. */
import { createAdaptorServer } from "@hono/node-server";
import type { Hono } from "hono";
import { chmodSync, lstatSync, mkdirSync, rmSync, statSync } from "node:fs";
import type { Server, ServerOptions } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { deadline, type Deps } from "../deps.ts";
import { closed, type Env } from "./http.ts";

export interface PrivateSocketOptions {
  /** Absolute; its folder is made where it is missing. */
  path: string;
  app: Hono<Env>;
  /** For error texts, such as "control socket". */
  what: string;
  serverOptions?: ServerOptions;
  /** Default: no limit. */
  connectionsMax?: number;
}

export interface PrivateSocket {
  /** Cuts answers that take longer than a second; removes the socket. */
  close(): Promise<void>;
}

/** `sun_path` of Linux, less its terminating zero. */
const pathBytesMax = 107;

/**
 * @throws when another manager answers on the socket, when the path is too long or is not a socket.
 */
export async function servePrivately(options: PrivateSocketOptions, deps: Deps): Promise<PrivateSocket> {
  const { path, app, what, serverOptions, connectionsMax } = options;
  await makeRoom(path, what, deps);
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    // Clients of a Unix socket have no host to name.
    hostname: "localhost",
    serverOptions: { ...serverOptions, requireHostHeader: false },
  }) as Server;
  if (connectionsMax !== undefined) server.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) =>
      reject(new Error(`cannot listen on the ${what} ${path}: ${error.message}`, { cause: error })),
    );
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  // Node removes the socket's file when it closes.
  return { close: () => closed(server, 1_000, deps) };
}

async function makeRoom(path: string, what: string, deps: Deps): Promise<void> {
  if (Buffer.byteLength(path) > pathBytesMax) {
    throw new Error(
      `the ${what}'s path has more than ${pathBytesMax} bytes: ${path}; use a shorter directory`,
    );
  }
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  refuseForeign(folder, what);
  chmodSync(folder, 0o700);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw new Error(`${path} is not a socket; move it away or choose another ${what}`);
  if (await answers(path, deps)) throw new Error(`another manager serves ${path}; stop it first`);
  rmSync(path, { force: true });
}

/**
 * Below a folder where anybody may write (/tmp) somebody else may have made this one first, or a link of its name: the
 * owner could put a socket of their own there, and would be told what is meant for the manager.
 */
function refuseForeign(folder: string, what: string): void {
  if ((statSync(dirname(folder)).mode & 0o002) === 0) return;
  const found = lstatSync(folder);
  if (found.isDirectory() && found.uid === process.getuid?.()) return;
  throw new Error(`${folder} must be a real folder of this user alone: it is to hold the ${what}; remove it`);
}

/** Whether anybody listens; a socket whose process is gone refuses at once. */
async function answers(path: string, deps: Deps): Promise<boolean> {
  const limit = deadline(deps.clock, 2_000, `connecting to ${path}`);
  const socket = connect(path);
  try {
    return await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", (error: NodeJS.ErrnoException) =>
        resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT"),
      );
      // Somebody holds it and is slow: better two words too many than two managers.
      limit.signal.addEventListener("abort", () => resolve(true), { once: true });
    });
  } finally {
    limit.done();
    socket.destroy();
  }
}
