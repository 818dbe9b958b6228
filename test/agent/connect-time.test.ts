// Goal: the figure is the way's and nobody else's. Method: real servers on loopback, time by a clock of the test's, so that
// no test waits and none depends on the load.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterEach, expect, test } from "vitest";
import { connectSentence, connectTime, connectTimes } from "../../agent/connect-time.ts";

const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

/** Time that stands still unless told; timers are kept, and fired by `late()`. */
const standingClock = () => {
  let now = 0;
  const timers = new Set<() => void>();
  return {
    now: () => now,
    after: (_ms: number, callback: () => void) => {
      timers.add(callback);
      return () => void timers.delete(callback);
    },
    pass: (ms: number) => (now += ms),
    late: () => [...timers].forEach((fire) => fire()),
    waiting: () => timers.size,
  };
};

const serve = async (server: Server): Promise<number> => {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket.on("error", () => {})));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endings.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

test("the time until TCP stands, and nothing is sent", async () => {
  const clock = standingClock();
  let bytes = 0;
  const closed = Promise.withResolvers<void>();
  const port = await serve(
    createServer((socket) => {
      socket.on("data", (data) => (bytes += data.length));
      socket.on("close", () => closed.resolve());
    }),
  );
  const time = await connectTime(`http://127.0.0.1:${port}/any/path`, {}, { clock, env: {} });
  expect(time).toEqual({ host: `127.0.0.1:${port}`, ms: 0, proxy: null, problem: null });
  await closed.promise;
  expect([bytes, clock.waiting()]).toEqual([0, 0]);
});

test("for https until TLS stands, and a certificate that nobody vouches for is a problem", async () => {
  const folder = mkdtempSync(join(tmpdir(), "muster-connect-"));
  endings.push(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const request =
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost";
  const names = ["-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", [...request.split(" "), ...names, "-keyout", key, "-out", cert], {
    stdio: "ignore",
  });
  const port = await serve(createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }));
  const deps = { clock: standingClock(), env: {} };
  const time = () => connectTime(`https://127.0.0.1:${port}`, {}, deps);
  expect(await time()).toMatchObject({ ms: null, problem: expect.stringMatching(/self.signed/) });
  const usual = getCACertificates("default");
  endings.push(() => setDefaultCACertificates(usual));
  setDefaultCACertificates([readFileSync(cert, "utf8")]);
  expect(await time()).toMatchObject({ ms: 0, problem: null });
});

test("a host that takes the connection and says nothing is given up after the time limit", async () => {
  const clock = standingClock();
  const port = await serve(createServer(() => clock.late()));
  const time = await connectTime(`https://127.0.0.1:${port}`, { timeoutMs: 3_000 }, { clock, env: {} });
  expect(time).toMatchObject({ ms: null, problem: "no connection within 3 s" });
  expect(clock.waiting()).toBe(0);
});

test("the time that passed is what the clock says, above the limit with a warning", async () => {
  const clock = standingClock();
  let asked = 0;
  // The first look is the start of the measurement.
  const ticking = { ...clock, now: () => (asked++ === 0 ? 0 : 151.26) };
  const port = await serve(createServer());
  const time = await connectTime(`http://127.0.0.1:${port}`, {}, { clock: ticking, env: {} });
  expect(time.ms).toBe(151.3);
  expect(connectSentence(time)).toBe(
    `127.0.0.1:${port} 151 ms, more than the 100 ms that jobs' steps and logs want`,
  );
  expect(connectSentence({ ...time, ms: 100 })).toBe(`127.0.0.1:${port} 100 ms`);
});

test("a refused connection says so", async () => {
  const server = createServer();
  const port = await serve(server);
  await new Promise((resolve) => server.close(resolve));
  const time = await connectTime(`http://127.0.0.1:${port}`, {}, { clock: standingClock(), env: {} });
  expect(connectSentence(time)).toBe(`127.0.0.1:${port}: no connection: the connection was refused`);
});

test("an abort ends it", async () => {
  const stop = new AbortController();
  const port = await serve(createServer(() => stop.abort(new Error("enough"))));
  const deps = { clock: standingClock(), env: {} };
  const time = await connectTime(`https://127.0.0.1:${port}`, { signal: stop.signal }, deps);
  expect(time).toMatchObject({ ms: null, problem: "enough" });
});

test("through a proxy the time is to the proxy, which is named", async () => {
  const port = await serve(createServer());
  const proxy = `http://name:word@127.0.0.1:${port}`;
  const env = { NODE_USE_ENV_PROXY: "1", https_proxy: proxy };
  const time = await connectTime("https://api.example.test", {}, { clock: standingClock(), env });
  expect(time).toEqual({ host: "api.example.test", ms: 0, proxy: `127.0.0.1:${port}`, problem: null });
  expect(connectSentence(time)).toBe(
    `api.example.test 0 ms (to the proxy 127.0.0.1:${port}; what lies behind it is not measured)`,
  );
});

test.each([
  ["Node is not told to follow the environment", { HTTP_PROXY: "http://127.0.0.1:9" }],
  [
    "no_proxy names the host",
    { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: "http://127.0.0.1:9", no_proxy: "a, 127.0.0.1" },
  ],
  ["no_proxy names everything", { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: "http://127.0.0.1:9", NO_PROXY: "*" }],
])("the way is direct when %s", async (_name, env) => {
  const port = await serve(createServer());
  const time = await connectTime(`http://127.0.0.1:${port}`, {}, { clock: standingClock(), env });
  expect(time).toMatchObject({ ms: 0, proxy: null });
});

test("each host is measured once, and what is no address is a problem of its own", async () => {
  const port = await serve(createServer());
  const here = `http://127.0.0.1:${port}`;
  const deps = { clock: standingClock(), env: {} };
  const times = await connectTimes([`${here}/a`, `${here}/b`, "unix:/x", "nonsense"], {}, deps);
  expect(times.map(({ host, problem }) => [host, problem])).toEqual([
    [`127.0.0.1:${port}`, null],
    ["unix:/x", "this is no http or https address"],
    ["nonsense", "this is no http or https address"],
  ]);
});
