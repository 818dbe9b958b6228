/** Programs that we start follow the proxies of their environment: shown with a real process and a real proxy. */
import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { followingProxies } from "../../agent/inherited.ts";

const asked: string[] = [];
const proxy = createServer((request, response) => {
  asked.push(request.url ?? "");
  response.end("from the proxy");
});
// It answers instead of the host that it was asked for.
proxy.on("connect", (request, socket) => {
  asked.push(request.url ?? "");
  socket.on("error", () => {}); // the other side may hang up first
  socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
  socket.write("HTTP/1.1 200 OK\r\n\r\n");
});
let address = "";

beforeAll(async () => {
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});
afterAll(() => void proxy.close());

const fetched = async (url: string, env: NodeJS.ProcessEnv) => {
  const program = `fetch(${JSON.stringify(url)}).then(() => console.log("answered"), (e) => console.log(String(e.cause?.code)))`;
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", program], {
    env: followingProxies({ PATH: process.env["PATH"], ...env }),
    timeout: 20_000,
  });
  return stdout.trim();
};

test.each(["http_proxy", "HTTP_PROXY"])("a host elsewhere is asked for at %s", async (name) => {
  asked.length = 0;
  expect(await fetched("http://github.example.test/api", { [name]: address })).toBe("answered");
  expect(asked.join()).toContain("github.example.test");
});

test("what is on this computer is asked directly", async () => {
  asked.length = 0;
  const env = { http_proxy: address, no_proxy: "elsewhere.test" };
  expect(await fetched("http://127.0.0.1:9/", env)).not.toBe("answered");
  expect(asked).toEqual([]);
  expect(followingProxies(env)["no_proxy"]).toBe("elsewhere.test,127.0.0.1,localhost,::1");
});

test("without a proxy the environment is the same object, and so is it with an empty one", () => {
  for (const env of [{ PATH: "/bin" }, { PATH: "/bin", https_proxy: "" }])
    expect(followingProxies(env)).toBe(env);
});
