/** The instance metadata service of one instance, as far as an identity document goes: tokens (IMDSv2) and `rsa2048`. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Metadata {
  url: string;
  /** `METHOD /path` of each call. */
  requests: string[];
  /** What is given from now on; a number is a status without a body. */
  document: string | number;
  close(): Promise<void>;
}

export async function startMetadata(document: string | number): Promise<Metadata> {
  const token = "AQAEAmetadata-token==";
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    requests.push(`${method} ${url}`);
    if (method === "PUT" && url === "/latest/api/token") {
      const seconds = Number(headers["x-aws-ec2-metadata-token-ttl-seconds"]);
      if (!(seconds >= 1 && seconds <= 21_600)) return void response.writeHead(400).end();
      return void response.end(token);
    }
    // IMDSv1 is off, as the templates say.
    if (headers["x-aws-ec2-metadata-token"] !== token) return void response.writeHead(401).end();
    if (url !== "/latest/dynamic/instance-identity/rsa2048") return void response.writeHead(404).end();
    if (typeof metadata.document === "number") return void response.writeHead(metadata.document).end();
    response.end(metadata.document);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const metadata: Metadata = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    document,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return metadata;
}
