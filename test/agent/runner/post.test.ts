// Goal: over TLS an agent speaks to whom its stack certified and to nobody else, whatever its system trusts.
import { once } from "node:events";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { realClock } from "../../../agent/runner/deps.ts";
import { makePost } from "../../../agent/runner/post.ts";
import { type Certificates, makeCertificates } from "../../certificates/certificates.ts";

let stack: Certificates;
let foreign: Certificates;
beforeAll(async () => {
  [stack, foreign] = await Promise.all([makeCertificates("stack"), makeCertificates("foreign")]);
});
const usual = getCACertificates("default");
const servers: Server[] = [];
/** The system trusts the foreign one, as it trusts those who sign for the whole web. */
beforeEach(() => setDefaultCACertificates([...usual, foreign.ca]));
afterEach(() => {
  setDefaultCACertificates(usual);
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

const asked: string[] = [];
const serve = async ({ certificate, key }: Certificates) => {
  const server = createServer({ cert: certificate, key }, (request, response) => {
    asked.push(request.url!);
    response.end("{}");
  });
  servers.push(server);
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
};
const post = async (url: string, ca?: string) => {
  const options = { timeoutMs: 5_000, signal: new AbortController().signal };
  return (await makePost(realClock, ca)(url, "/agent/v1/sync", {}, options)).status;
};

describe("an agent that pins its stack's CA", () => {
  it("speaks to a manager that it certified", async () => {
    expect(await post(await serve(stack), stack.ca)).toBe(200);
  });

  it("speaks to one of either CA while it is exchanged", async () => {
    for (const of of [stack, foreign]) expect(await post(await serve(of), stack.ca + foreign.ca)).toBe(200);
  });

  it("says no word to one whom only the system trusts", async () => {
    const url = await serve(foreign);
    expect(await post(url), "without a pin it would").toBe(200);
    asked.length = 0;
    await expect(post(url, stack.ca)).rejects.toThrow(/certificate|signature/);
    expect(asked).toEqual([]);
  });

  it("believes nobody when the file is empty", async () => {
    const url = await serve(foreign);
    asked.length = 0;
    await expect(post(url, "")).rejects.toThrow();
    expect(asked).toEqual([]);
  });

  it("speaks to no one who has its certificate for another address", async () => {
    const url = (await serve(stack)).replace("127.0.0.1", "127.0.0.2");
    await expect(post(url, stack.ca)).rejects.toThrow(/altnames/);
  });
});
