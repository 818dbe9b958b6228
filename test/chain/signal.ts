/** Jobs that run until the test says so: they wait for a port on loopback, which is reached from wherever a job runs. */
import { createServer, type Server } from "node:net";
import { freePort } from "../engine/project.ts";

export interface Signal {
  /** Waits for it. */
  script: string;
  give(): void;
  close(): void;
}

export async function makeSignal(): Promise<Signal> {
  const port = await freePort();
  let server: Server | null = null;
  return {
    script: `until (exec 3<>/dev/tcp/127.0.0.1/${port}) 2> /dev/null; do sleep 0.1; done`,
    give: () => {
      server = createServer((socket) => socket.destroy());
      server.listen(port, "127.0.0.1").unref();
    },
    close: () => void server?.close(),
  };
}
