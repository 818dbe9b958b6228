import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { serveControl, type ControlHandlers } from "../../../../agent/manager/web/control.ts";
import type { PrivateSocket } from "../../../../agent/manager/web/private-socket.ts";
import { quietDeps } from "./fake-deps.ts";
import { ask, postJson, until } from "./requests.ts";
import { sampleState } from "./sample.ts";

let folder: string;
let path: string;
let control: PrivateSocket | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "muster-control-"));
  path = join(folder, "run", "control.sock");
});
afterEach(async () => {
  await control?.close();
  control = null;
  rmSync(folder, { recursive: true, force: true });
});

const handlers = (over: Partial<ControlHandlers> = {}): ControlHandlers => ({
  reload: async () => ({ configHash: "h" }),
  drain: async () => ({ left: 0 }),
  undrain: () => {},
  secrets: () => {},
  removeSet: async (name) => ({ id: 7, name }),
  state: () => sampleState(),
  stop: () => {},
  ...over,
});
const up = async (over: Partial<ControlHandlers> = {}, deps = quietDeps()) =>
  (control = await serveControl({ path, handlers: handlers(over) }, deps));
const post = (verb: string, body: unknown = {}) =>
  postJson({ socketPath: path, path: `/control/${verb}` }, body);
const mode = (of: string) => statSync(of).mode & 0o777;

describe("the socket", () => {
  it("is its user's alone, in a folder that is too, and gone after the end", async () => {
    mkdirSync(join(folder, "run"));
    chmodSync(join(folder, "run"), 0o755);
    await up();
    expect(mode(path)).toBe(0o600);
    expect(mode(join(folder, "run"))).toBe(0o700);
    await control!.close();
    control = null;
    expect(existsSync(path)).toBe(false);
  });

  it("replaces one whose process died", async () => {
    mkdirSync(join(folder, "run"));
    const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
    spawnSync(process.execPath, ["-e", script]);
    expect(existsSync(path)).toBe(true);
    await up();
    expect((await ask({ socketPath: path, path: "/control/state" })).status).toBe(200);
  });

  it("is refused to a second manager, which leaves the first at work", async () => {
    await up();
    await expect(serveControl({ path, handlers: handlers() }, quietDeps())).rejects.toThrow(
      /another manager/,
    );
    expect((await post("undrain")).status).toBe(200);
  });

  it("never takes the place of a file that is no socket", async () => {
    mkdirSync(join(folder, "run"));
    writeFileSync(path, "precious");
    await expect(up()).rejects.toThrow(/not a socket/);
    expect(existsSync(path)).toBe(true);
  });

  it("is not opened where anybody may write, in a folder that somebody else made first", async () => {
    chmodSync(folder, 0o1777);
    mkdirSync(join(folder, "own"));
    chmodSync(join(folder, "own"), 0o755);
    symlinkSync("own", join(folder, "run"));
    await expect(up()).rejects.toThrow(/must be a real folder of this user/);
    expect(mode(join(folder, "own"))).toBe(0o755);
    if (process.getuid?.() !== 0) return; // nobody else can give a folder away
    rmSync(join(folder, "run"));
    mkdirSync(join(folder, "run"));
    chownSync(join(folder, "run"), 65_533, 65_533);
    await expect(up()).rejects.toThrow(/must be a real folder of this user/);
  });

  it("is refused with the cure when its path is too long for the kernel", async () => {
    path = join(folder, "x".repeat(120));
    await expect(up()).rejects.toThrow(/107 bytes.*shorter/);
  });

  it("counts somebody who does not speak HTTP as alive", async () => {
    mkdirSync(join(folder, "run"));
    const mute = createServer().listen(path);
    await new Promise((resolve) => mute.once("listening", resolve));
    await expect(up()).rejects.toThrow(/another manager/);
    await new Promise((resolve) => mute.close(resolve));
  });
});

describe("verbs", () => {
  it("reload, undrain, secrets and state reach the core", async () => {
    const secrets = vi.fn();
    const undrain = vi.fn();
    await up({ secrets, undrain });
    expect(JSON.parse((await post("reload")).text)).toEqual({ configHash: "h" });
    expect((await post("undrain")).status).toBe(200);
    expect(undrain).toHaveBeenCalledOnce();
    expect((await post("secrets", { githubToken: "ghp_x" })).status).toBe(200);
    expect(secrets).toHaveBeenCalledExactlyOnceWith({ githubToken: "ghp_x" });
    const state = await ask({ socketPath: path, path: "/control/state" });
    expect(JSON.parse(state.text)).toEqual(sampleState());
  });

  it("says why a reload failed", async () => {
    const reload = () => Promise.reject(new Error("pools.arm64.max: -1 is below 0"));
    await up({ reload });
    const answer = await post("reload");
    expect(answer.status).toBe(500);
    expect(JSON.parse(answer.text).message).toBe("pools.arm64.max: -1 is below 0");
  });

  it("repeats no secret, neither in answers nor in the log", async () => {
    const deps = quietDeps();
    await up({}, deps);
    for (const body of [{ githubToken: 12345678 }, { githubAppKey: ["ghp_secret"] }, "ghp_secret"]) {
      const answer = await post("secrets", body);
      expect(answer.status).toBe(400);
      expect(answer.text + deps.lines.join()).not.toMatch(/ghp_secret|12345678/);
    }
    const torn = await ask({
      socketPath: path,
      method: "POST",
      path: "/control/secrets",
      body: '{"githubToken":"ghp_sec',
    });
    expect(torn.status).toBe(400);
    expect(torn.text).not.toContain("ghp_sec");
  });

  it("stops after its answer has left", async () => {
    const stop = vi.fn();
    await up({ stop });
    expect((await post("stop")).status).toBe(200);
    await until(() => stop.mock.calls.length === 1, "stop to be called");
  });

  it("refuses what it does not know", async () => {
    const stop = vi.fn();
    await up({ stop });
    expect((await post("explode")).status).toBe(404);
    expect((await ask({ socketPath: path, path: "/control/stop" })).status).toBe(404);
    expect((await post("drain", { timeoutSeconds: -1 })).status).toBe(400);
    expect((await post("secrets", { githubToken: "x".repeat(70_000) })).status).toBe(413);
    expect(stop).not.toHaveBeenCalled();
  });
});

describe("drain", () => {
  it("shows each line when it is said, and the outcome as the last", async () => {
    let finish: (outcome: { left: number }) => void = () => {};
    const drain: ControlHandlers["drain"] = (seconds, progress) => {
      progress(`at most ${seconds} s`);
      progress("2 machines\nare busy");
      return new Promise((resolve) => (finish = resolve));
    };
    await up({ drain });
    let text = "";
    let ended = false;
    const call = request({ socketPath: path, path: "/control/drain", method: "POST" }, (response) => {
      response.on("data", (chunk) => (text += String(chunk)));
      response.on("end", () => (ended = true));
    });
    call.end(JSON.stringify({ timeoutSeconds: 60 }));
    await until(() => text.endsWith("2 machines are busy\n"), "the progress");
    expect(ended).toBe(false);
    finish({ left: 1 });
    await until(() => ended, "the end");
    expect(text.split("\n")).toEqual(["at most 60 s", "2 machines are busy", '{"left":1}', ""]);
  });

  it("ends with the error when it fails", async () => {
    await up({ drain: () => Promise.reject(new Error("GitHub is away")) });
    expect((await post("drain", { timeoutSeconds: 1 })).text).toBe('{"error":"GitHub is away"}\n');
  });

  it("hears that its caller has gone", async () => {
    let signal: AbortSignal | undefined;
    const drain: ControlHandlers["drain"] = (_seconds, _progress, given) => {
      signal = given;
      return new Promise((_resolve, reject) => given.addEventListener("abort", () => reject(given.reason)));
    };
    const deps = quietDeps();
    await up({ drain }, deps);
    const call = request({ socketPath: path, path: "/control/drain", method: "POST" });
    call.on("error", () => {});
    call.end(JSON.stringify({ timeoutSeconds: 60 }));
    await until(() => signal !== undefined, "drain to begin");
    call.destroy();
    await until(() => signal!.aborted, "the signal");
    expect(deps.lines).toEqual([]);
  });
});
