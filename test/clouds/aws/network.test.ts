/** The network of machines itself: who reaches whom, and from which address. */
import { execFile, spawn } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mayMount } from "../../agent/manager/small-disk.ts";
import { metadataAddress, startNetwork, type Network, type Port } from "./network.ts";

const run = promisify(execFile);

describe.skipIf(!mayMount)("a network of machines (network namespaces: needs root)", () => {
  let network: Network;
  let one: Port;
  let other: Port;
  beforeEach(async () => {
    network = await startNetwork();
    [one, other] = await Promise.all([network.plug("one", "10.64.0.4"), network.plug("other", "10.64.16.5")]);
  });
  afterEach(() => network.stop());

  const inside = async ({ under }: Port, ...command: string[]) => {
    const [file, ...args] = [...under, ...command];
    return (await run(file!, args)).stdout;
  };
  const get = (from: Port, url: string) => inside(from, "curl", "-sS", "-m", "20", url);
  const answer = (port: Port, host: string, text: (from: string) => string) =>
    port.listen(host, 80, (socket) => {
      const body = text(socket.remoteAddress!);
      socket.once("data", () => socket.end(`HTTP/1.0 200 OK\r\n\r\n${body}`));
    });

  test("a machine calls another from its own address", async () => {
    await answer(one, "10.64.0.4", (from) => `you are ${from}`);
    expect(await get(other, "http://10.64.0.4/")).toBe("you are 10.64.16.5");
  });

  test("each machine has a metadata service of its own at the same address", async () => {
    await answer(one, metadataAddress, () => "one");
    await answer(other, metadataAddress, () => "other");
    expect(await get(one, `http://${metadataAddress}/`)).toBe("one");
    expect(await get(other, `http://${metadataAddress}/`)).toBe("other");
  });

  test("loopback of this computer is reached at the ports that are relayed, and nothing else of it", async () => {
    const server = createServer((socket) =>
      socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\n\r\nhere")),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      await one.relay(port);
      expect(await get(one, `http://127.0.0.1:${port}/`)).toBe("here");
      await expect(get(other, `http://127.0.0.1:${port}/`)).rejects.toThrow(/connect to 127\.0\.0\.1/);
    } finally {
      server.close();
    }
  });

  test("an unplugged machine is reached by nobody, and its address may be another's", async () => {
    await answer(one, "10.64.0.4", () => "the first");
    await one.unplug();
    const next = await network.plug("next", "10.64.0.4");
    await answer(next, "10.64.0.4", () => "the next");
    expect(await get(other, "http://10.64.0.4/")).toBe("the next");
  });

  test("it ends with whoever started it, also with one that was killed", async () => {
    const program = `
      const { startNetwork } = await import(${JSON.stringify(`${import.meta.dirname}/network.ts`)});
      await (await startNetwork()).plug("one", "10.64.0.4");
      console.log("plugged");
      setInterval(() => {}, 1_000);`;
    const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const said = await new Promise<string>((resolve) =>
      child.stdout.once("data", (part) => resolve(String(part))),
    );
    expect(said).toContain("plugged");
    const below = async () =>
      (await run("ps", ["-o", "pid=,ppid=,args=", "-e"])).stdout
        .split("\n")
        .filter((line) => line.includes("unshare --net --mount"));
    const keeper = (await below()).find((line) => Number(line.trim().split(/\s+/)[1]) === child.pid);
    expect(keeper).toBeDefined();
    child.kill("SIGKILL");
    await expect.poll(below, { timeout: 60_000 }).not.toContain(keeper);
  });
});
