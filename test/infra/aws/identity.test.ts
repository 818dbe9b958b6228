/** The exchange of the CA with real keys, certificates and TLS; every machine of a stack at one of its steps. */
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { Agent, createServer, request, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { makeStackIdentity, type StackIdentity } from "../../certificates/generations.ts";

/** Before, the exchange, after it; and a stack of somebody else's. */
let steps: [StackIdentity, StackIdentity, StackIdentity];
let foreign: StackIdentity;
beforeAll(async () => {
  const up = makeStackIdentity();
  steps = [await up([1]), await up([1, 2]), await up([2])];
  foreign = await makeStackIdentity()([1]);
});

let server: Server | null = null;
const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) agent.destroy();
  server?.close();
  server?.closeAllConnections();
});
const present = ({ certificate, key }: StackIdentity) => ({ cert: certificate, key });
const serve = async (identity: StackIdentity): Promise<number> => {
  server = createServer(present(identity), (_, response) => response.end("yes"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
};

/** A machine that was launched at that step: it trusts what its user data pinned then. */
const machine = (port: number, { ca }: StackIdentity) => {
  const agent = new Agent({ ca, keepAlive: true });
  agents.push(agent);
  const sockets = new Set<Socket>();
  return {
    sockets,
    call: () =>
      new Promise<string>((resolve, reject) => {
        const call = request({ host: "127.0.0.1", port, agent }, (response) => {
          response.on("data", (data: Buffer) => resolve(data.toString()));
        });
        call.on("socket", (socket) => sockets.add(socket));
        call.on("error", (error: NodeJS.ErrnoException) => reject(new Error(error.code)));
        call.end();
      }),
  };
};

const [before, during, after] = [0, 1, 2] as const;
const named = ["before", "during", "after"];
test.each([
  [before, before, "yes"],
  [during, before, "yes"],
  [during, during, "yes"],
  [during, after, "yes"],
  [after, during, "yes"],
  [after, after, "yes"],
  // What the overlap is for, and what its end is for.
  [after, before, "SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_"],
  [before, after, "SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_"],
] as const)("the manager of step %i, a machine of step %i: %s", async (manager, launched, answer) => {
  const { call } = machine(await serve(steps[manager]), steps[launched]);
  const said = await call().catch((error: Error) => error.message);
  expect(said, `${named[manager]}, ${named[launched]}`).toMatch(new RegExp(`^(${answer})`));
});

test("a stack of the same name has another CA, which counts for nothing here", async () => {
  const port = await serve(steps[during]);
  await expect(machine(port, foreign).call()).rejects.toThrow();
  expect(await machine(port, steps[during]).call()).toBe("yes");
});

describe("the manager takes up the new certificate", () => {
  test("a machine that is connected goes on, and so does the same machine when it calls anew", async () => {
    const port = await serve(steps[before]);
    const busy = machine(port, steps[before]);
    expect(await busy.call()).toBe("yes");
    server!.setSecureContext(present(steps[during]));
    expect(await busy.call()).toBe("yes");
    server!.closeAllConnections();
    for (const socket of busy.sockets) if (!socket.closed) await once(socket, "close");
    expect(await busy.call()).toBe("yes");
    expect(busy.sockets.size).toBe(2);
  });

  test("settings that are put back find the key of their certificate among the secrets", () => {
    const { secrets } = steps[during];
    const [old] = steps[before].certificate.match(/-----BEGIN[^]+?-----END CERTIFICATE-----/)!;
    expect(Object.keys(secrets).sort()).toEqual(
      ["caKey", "certificateKey", "earlierCaKey", "earlierCertificateKey"].sort(),
    );
    expect(secrets["earlierCertificateKey"]).toBe(steps[before].key);
    expect(secrets["earlierCaKey"]).toBe(steps[before].secrets["caKey"]);
    expect(new X509Certificate(old).verify(new X509Certificate(steps[before].ca).publicKey)).toBe(true);
  });
});

test("nobody has to run `up`: what is presented and pinned outlives three years, and nineteen", () => {
  const years = (count: number) => Date.now() + count * 365.25 * 86_400_000;
  const pems = steps.flatMap(({ ca, certificate }) =>
    `${ca}${certificate}`.match(/-----BEGIN[^]+?-----END CERTIFICATE-----/g)!,
  );
  expect(pems).toHaveLength(8);
  for (const pem of pems) {
    const { validToDate, validFromDate } = new X509Certificate(pem);
    expect(validToDate.getTime()).toBeGreaterThan(years(19));
    expect(validFromDate.getTime()).toBeLessThanOrEqual(Date.now());
  }
});
