import { createServer } from "node:net";
import { afterEach, beforeAll, expect, test } from "vitest";
import type { ManagerConfig } from "../../../agent/manager-config.ts";
import { type Door, makeDoor } from "../../../agent/manager/door.ts";
import { type Certificates, makeCertificates } from "../../certificates/certificates.ts";
import { freePort } from "../../engine/project.ts";
import { quietDeps } from "./web/fake-deps.ts";
import { ask } from "./web/requests.ts";
import { webHandlers } from "./web/server-fixture.ts";
import { config } from "./worlds.ts";

let stack: Certificates;
let next: Certificates;
beforeAll(async () => {
  [stack, next] = await Promise.all([makeCertificates("stack"), makeCertificates("next")]);
});
let door: Door;
afterEach(() => door.close());

const make = () => {
  const boot = { manifest: async () => "", runnerBundle: async () => null, report: () => {} };
  door = makeDoor(webHandlers().agents, boot, quietDeps());
};
const settings = (of: Certificates, port: number): ManagerConfig => {
  const base = config();
  const agents = {
    port,
    addresses: ["127.0.0.1"],
    ca: of.ca,
    certificate: of.certificate,
    reach: "private" as const,
  };
  return { ...base, manager: { ...base.manager, agents } };
};
const served = (port: number, { ca }: Certificates) =>
  ask({ port, ca, path: "/" }).then(({ status }) => status);

test("without agents elsewhere it stays shut", async () => {
  make();
  await door.follow(config(), {});
  expect([door.port(), door.problem()]).toEqual([null, null]);
});

test("it follows certificate, key, port and their absence, and says what is wrong meanwhile", async () => {
  make();
  const [port, another] = [await freePort(), await freePort()];
  await door.follow(settings(stack, port), { certificateKey: stack.key });
  expect(await served(port, stack)).toBe(404);
  // The settings come first, the key of their certificate later.
  await door.follow(settings(next, port), { certificateKey: stack.key });
  expect(door.problem()).toMatch(/no certificateKey among the secrets fits/);
  expect(await served(port, stack), "what was served before goes on").toBe(404);
  await door.follow(settings(next, port), { certificateKey: next.key, earlierCertificateKey: stack.key });
  expect(door.problem()).toBeNull();
  expect(await served(port, next)).toBe(404);
  await door.follow(settings(next, another), { certificateKey: next.key });
  expect(await served(another, next)).toBe(404);
  await expect(served(port, next)).rejects.toThrow("ECONNREFUSED");
  await door.follow(config(), {});
  await expect(served(another, next)).rejects.toThrow("ECONNREFUSED");
});

test("a manager without the key goes on, with its door shut, until the key comes", async () => {
  make();
  const port = await freePort();
  await door.follow(settings(stack, port), {});
  expect(door.problem()).toMatch(/needs the secret certificateKey/);
  await door.follow(settings(stack, port), { certificateKey: stack.key });
  expect([await served(port, stack), door.problem()]).toEqual([404, null]);
});

test("a port that somebody has is an error that names it", async () => {
  make();
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, resolve));
  const { port } = other.address() as { port: number };
  await expect(door.follow(settings(stack, port), { certificateKey: stack.key })).rejects.toThrow(
    `cannot listen for agents on port ${port}`,
  );
  other.close();
});
