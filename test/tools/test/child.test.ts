import { describe, expect, it } from "vitest";
import { identify, isAlive } from "../../../agent/supervisor/process.ts";
import { runChild } from "../../../tools/test/child.ts";

const run = (script: string, limitMs = 20_000, signal = new AbortController().signal) => {
  const lines: string[] = [];
  const options = { name: "probe", cwd: process.cwd(), env: process.env, limitMs, signal };
  const end = runChild(["-e", script], { ...options, line: (text) => lines.push(text) });
  return { end, lines };
};

describe("a tier's command", () => {
  it("passes on both streams and remembers the last line of stdout", async () => {
    const { end, lines } = run("console.error('first'); console.log('last'); process.exitCode = 3");
    expect(await end).toMatchObject({ code: 3, lastLine: "last", ended: "" });
    expect(lines.toSorted()).toEqual(["first", "last"]);
  });

  it("is ended with everything it started when it runs over its limit", async () => {
    const script = `
      const child = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" });
      console.log(child.pid);
      setInterval(() => {}, 1000)`;
    const { end, lines } = run(script, 4_000);
    expect(await end).toMatchObject({ code: null, ended: "over its limit of 4.0 s" });
    expect(lines).toEqual([expect.stringMatching(/^\d+$/)]);
    await expect.poll(() => isAlive(identify(Number(lines[0])))).toBe(false);
  });

  it("ends on an interrupt, and does not start after one", async () => {
    const controller = new AbortController();
    const { end, lines } = run("console.log('up'); setInterval(() => {}, 1000)", 20_000, controller.signal);
    await expect.poll(() => lines).toEqual(["up"]);
    controller.abort();
    expect(await end).toMatchObject({ code: null, ended: "interrupted" });
    const second = run("console.log('never')", 20_000, controller.signal);
    expect(await second.end).toMatchObject({ ended: "interrupted" });
    expect(second.lines).toEqual([]);
  });

  it("does not wait for a process that it left behind with its output open", async () => {
    const script = `
      const child = require("node:child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "inherit" });
      child.unref();
      console.log(child.pid);`;
    const { end, lines } = run(script);
    expect(await end).toMatchObject({ code: 0, ended: "" });
    expect(lines).toEqual([expect.stringMatching(/^\d+$/)]);
    await expect.poll(() => isAlive(identify(Number(lines[0])))).toBe(false);
  });
});
