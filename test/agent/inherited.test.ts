/** What programs that we start inherit: shown with real processes and a real proxy. */
import { execFile, spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
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

test("an open folder of the shell ends with the process that inherited it, and the three streams stay", () => {
  const file = join(import.meta.dirname, "../../agent/inherited.ts");
  const program = `
    const { spawnSync } = await import("node:child_process");
    const { closeInheritedFiles } = await import(${JSON.stringify(file)});
    const seen = () => spawnSync("ls", ["/proc/self/fd/63/"], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
    const before = seen().status;
    closeInheritedFiles();
    console.log(before, seen().status === 0, await import("node:fs/promises").then(({ readFile }) => readFile("/dev/null", "utf8")));`;
  const folder = openSync("/", "r");
  const stdio = ["ignore", "pipe", "pipe", ...Array.from({ length: 60 }, () => "ignore" as const), folder];
  const options = { encoding: "utf8" as const, stdio: stdio as ("ignore" | "pipe" | number)[] };
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", program], options);
  closeSync(folder);
  expect(stderr).toContain("/proc/self/fd/63");
  expect(stdout.trim()).toBe("0 false");
});

test("the certificates that a thread of Node's is reading are not closed under it, any other file is", () => {
  const file = join(import.meta.dirname, "../../agent/inherited.ts");
  const program = `
    const { readlinkSync } = await import("node:fs");
    const { closeInheritedFiles } = await import(${JSON.stringify(file)});
    closeInheritedFiles();
    const isOpen = (number) => { try { return readlinkSync("/proc/self/fd/" + number) !== ""; } catch { return false; } };
    console.log(isOpen(62), isOpen(63));`;
  const [certificates, other] = [openSync(import.meta.filename, "r"), openSync(file, "r")];
  const stdio = ["ignore", "pipe", "pipe", ...Array.from({ length: 59 }, () => "ignore" as const)];
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], NODE_EXTRA_CA_CERTS: import.meta.filename },
    stdio: [...stdio, certificates, other] as ("ignore" | "pipe" | number)[],
  });
  for (const descriptor of [certificates, other]) closeSync(descriptor);
  expect(stdout.trim()).toBe("true false");
});
