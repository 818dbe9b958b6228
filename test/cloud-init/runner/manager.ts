/** A stand-in for what a manager serves to machines that boot: real TLS on loopback, the manifest, the agent, reports. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Certificates } from "../../certificates/certificates.ts";

export const sha256 = (bytes: Buffer | string): string => createHash("sha256").update(bytes).digest("hex");

export interface BootManager {
  url: string;
  /** `GET /path?query` of each call, in order. */
  requests: string[];
  /** Bodies of reports. */
  reports: string[];
  /** Path without query -> what is answered; a number is a status without a body. */
  files: Map<string, Buffer | string | number>;
  close(): Promise<void>;
}

export async function startBootManager({
  certificate,
  key,
}: Pick<Certificates, "certificate" | "key">): Promise<BootManager> {
  const requests: string[] = [];
  const reports: string[] = [];
  const files: BootManager["files"] = new Map();
  const server = createServer({ cert: certificate, key }, (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      if (request.method === "POST") {
        reports.push(Buffer.concat(parts).toString());
        return response.end();
      }
      const found = files.get(request.url!.split("?")[0]!) ?? 404;
      if (typeof found === "number") response.writeHead(found).end();
      else response.end(found);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    reports,
    files,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
