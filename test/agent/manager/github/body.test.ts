/** Answers that a GitHub should never give: without end, and from another host. Real HTTP on loopback. */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { expect, onTestFinished, test } from "vitest";
import { realDeps } from "../../../../agent/manager/deps.ts";
import { bodyOf } from "../../../../agent/manager/github/body.ts";
import { send } from "../../../../agent/manager/github/http.ts";
import { makeLogin } from "../../../../agent/manager/github/login.ts";
import { parseTarget } from "../../../../agent/manager/github/url.ts";
import { shortTimings } from "./harness.ts";

const deps = realDeps(pino({ enabled: false }));
const { signal } = new AbortController();

const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** Sends blanks for as long as anybody reads. */
const endless: RequestListener = (_, response) => {
  response.writeHead(200, { "content-type": "application/json" });
  const part = Buffer.alloc(1024 ** 2, " ");
  const more = () => {
    while (!response.destroyed && response.write(part));
    response.once("drain", more);
  };
  more();
};
const timings = { ...shortTimings, callTimeoutMs: 20_000, attempts: 1 };
const loginAt = (url: string) =>
  makeLogin(parseTarget(`${url}/acme/widgets`), { kind: "token" }, { githubToken: "planted" }, timings, deps);

test("an answer without end is refused, by the scale set service and by REST", async () => {
  const url = await serve(endless);
  const call = {
    what: "asking",
    method: "GET" as const,
    headers: {},
    timeoutMs: 20_000,
    signal,
    secrets: [],
  };
  await expect(send({ ...call, url: new URL(url) }, deps)).rejects.toThrow(/more than 64 MiB/);
  const rest = loginAt(url).call({ what: "asking", route: "GET /endless" }, signal);
  await expect(rest).rejects.toThrow(/more than 64 MiB/);
});

test("a body without a byte order mark, with one, and none at all are read as before", async () => {
  const url = await serve((request, response) =>
    response.end({ "/mark": "\uFEFF[]", "/none": undefined, "/plain": "[\u20ac]" }[request.url!]),
  );
  const call = { what: "asking", method: "GET" as const, headers: {}, timeoutMs: 5_000, signal, secrets: [] };
  const text = async (path: string) => (await send({ ...call, url: new URL(url + path) }, deps)).text;
  expect(await Promise.all(["/mark", "/none", "/plain"].map(text))).toEqual(["[]", "", "[\u20ac]"]);
  expect(await bodyOf(new Response(null))).toHaveLength(0);
});

test("no login goes to another host that an answer leads to", async () => {
  const heard: (string | undefined)[] = [];
  const other = await serve((request, response) => {
    heard.push(request.headers.authorization);
    response.setHeader("content-type", "application/json").end("{}");
  });
  const url = await serve((_, response) => response.writeHead(307, { location: `${other}/elsewhere` }).end());
  await loginAt(url).call({ what: "asking", route: "GET /moved" }, signal);
  expect(heard).toEqual([undefined]);
});
