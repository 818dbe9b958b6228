/**
 * A network of machines on this computer, in namespaces of its own: a bridge, and for each machine a network namespace with
 * its address and the address of the metadata service. What a test serves is listened for inside and answered by the test's own
 * process, since a listening socket stays where it was made. Ends with `stop()`, and with the process that started it.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Where every machine finds its metadata service. */
export const metadataAddress = "169.254.169.254";

/** One machine's end of the network. */
export interface Port {
  /** Stands before a command that is to run there, which keeps its process id. */
  under: readonly string[];
  /** Listens there; `serve` gets each connection. */
  listen(host: string, port: number, serve: (socket: Socket) => void): Promise<void>;
  /** Whoever connects there reaches the same port of this computer's loopback. */
  relay(port: number): Promise<void>;
  /** Runs `ip` there, as for a route that leads nowhere. */
  ip(...args: string[]): Promise<void>;
  /** No address any more; what runs there stays alone. */
  unplug(): Promise<void>;
}

export interface Network {
  /** @param name at most 60 letters, digits and hyphens, of one machine only */
  plug(name: string, address: string): Promise<Port>;
  stop(): Promise<void>;
}

/** Ends with its standard input, and with it every process of its namespace. */
const keeper = [
  "set -eu",
  "mount -t tmpfs tmpfs /run",
  // As `ip netns add` would do, which several at once may not.
  "mkdir /run/netns",
  "mount --bind /run/netns /run/netns",
  "mount --make-shared /run/netns",
  "ip link set lo up",
  "ip link add vpc type bridge",
  "ip link set vpc up",
  "echo ready",
  "exec cat >/dev/null",
].join("\n");

/** @param bits of the addresses that are the network's own: all are next to each other */
export const startNetwork = async (bits = 16): Promise<Network> => {
  const args = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private"];
  const outer: ChildProcess = spawn("unshare", [...args, "sh", "-c", keeper], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(outer, "exit");
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: outer.stdout! }).once("line", () => resolve());
    void ended.then(() => reject(new Error("the network's namespaces could not be made")));
  });
  const pid = readFileSync(`/proc/${outer.pid}/task/${outer.pid}/children`, "utf8").trim();
  const inside = (...command: string[]) => run("nsenter", ["--target", pid, "--mount", "--net", ...command]);
  const servers = new Set<Server>();
  const sockets = new Set<Socket>();
  let plugged = 0;

  const listening = async (namespace: string, host: string, port: number): Promise<Server> => {
    const listener = [process.execPath, "--no-warnings", join(import.meta.dirname, "listen.ts")];
    const child = spawn("nsenter", [`--net=${namespace}`, ...listener, host, String(port)], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    return new Promise((resolve, reject) => {
      child.once("message", (_, server) => {
        child.disconnect();
        resolve(server as Server);
      });
      child.once("error", reject);
      child.once("exit", (code) =>
        reject(new Error(`${host}:${port} cannot be listened on: exit code ${code}`)),
      );
    });
  };

  const plug: Network["plug"] = async (name, address) => {
    const device = `m${++plugged}`;
    const namespace = `/proc/${pid}/root/run/netns/${name}`;
    const ip = `ip -n ${name}`;
    const own = new Set<Server>();
    const script = [
      `ip netns add ${name}`,
      `ip link add ${device} type veth peer name eth0 netns ${name}`,
      `ip link set ${device} master vpc up`,
      `${ip} link set lo up`,
      `${ip} link set eth0 up`,
      `${ip} addr add ${address}/${bits} dev eth0`,
      `${ip} addr add ${metadataAddress}/32 dev lo`,
    ];
    await inside("sh", "-ec", script.join("\n"));
    const listen: Port["listen"] = async (host, port, serve) => {
      const server = await listening(namespace, host, port);
      for (const all of [servers, own]) all.add(server);
      server.on("connection", (socket: Socket) => {
        sockets.add(socket);
        socket.once("close", () => sockets.delete(socket));
        serve(socket);
      });
    };
    return {
      under: ["nsenter", `--net=${namespace}`],
      listen,
      relay: (port) => listen("127.0.0.1", port, (socket) => joined(socket, connect(port, "127.0.0.1"))),
      ip: async (...args) => void (await inside("ip", "-n", name, ...args)),
      unplug: async () => {
        for (const server of own) {
          server.close();
          servers.delete(server);
        }
        await inside("sh", "-ec", `ip link delete ${device}\nip netns delete ${name}`);
      },
    };
  };
  return {
    plug,
    stop: async () => {
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
      outer.kill("SIGKILL");
      await ended;
    },
  };
};

/** Bytes go both ways until one of the two is gone. */
const joined = (one: Socket, other: Socket): void => {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
    from.pipe(to);
  }
};
