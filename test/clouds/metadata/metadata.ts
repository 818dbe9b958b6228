/** The instance metadata service of one instance: tokens (IMDSv2), its signed identity document and the role that it has. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface MetadataService {
  /** Listens nowhere yet. */
  server: Server;
  /** `METHOD /path` of each call. */
  requests: string[];
  /** What is given from now on; a number is a status without a body. */
  document: string | number;
  /** Name and JSON of the credentials of an instance profile; null where there is none. */
  role: { name: string; credentials: string } | null;
}

export interface Metadata extends MetadataService {
  url: string;
  close(): Promise<void>;
}

const identityPath = "/latest/dynamic/instance-identity/rsa2048";
const rolesPath = "/latest/meta-data/iam/security-credentials/";

export function makeMetadata(
  document: string | number,
  role: MetadataService["role"] = null,
): MetadataService {
  const token = "AQAEAmetadata-token==";
  const requests: string[] = [];
  const found = (path: string): string | number => {
    const { document: given, role: has } = service;
    if (path === identityPath) return given;
    if (has && path === rolesPath) return has.name;
    return has && path === rolesPath + has.name ? has.credentials : 404;
  };
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
    const body = found(url!);
    if (typeof body === "number") return void response.writeHead(body).end();
    response.end(body);
  });
  const service: MetadataService = { server, requests, document, role };
  return service;
}

/** On a free port of loopback. */
export async function startMetadata(...given: Parameters<typeof makeMetadata>): Promise<Metadata> {
  const service = makeMetadata(...given);
  const { server } = service;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(service, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

/** An instance profile's credentials, which nobody checks. */
export const testRole = {
  name: "manager",
  credentials: JSON.stringify(
    {
      Code: "Success",
      Type: "AWS-HMAC",
      AccessKeyId: "ASIATEST",
      SecretAccessKey: "role/secret+key",
      Token: "session/token+of=role",
      LastUpdated: "2026-01-01T00:00:00Z",
      Expiration: "2099-01-01T00:00:00Z",
    },
    null,
    2,
  ),
};
