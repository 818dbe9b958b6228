import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { expect, test } from "vitest";
import { managerConfig } from "../../agent/manager-config.ts";
import { isCliDefault, localManagerConfig } from "../../infra/local/config.ts";
import { parseSettings } from "../../infra/settings.ts";

const sha256 = "0".repeat(64);
const bundles = {
  manager: { path: "/b/manager.mjs", sha256, bytes: 1 },
  runner: { path: "/b/runner.mjs", sha256, bytes: 1 },
};
const config = (
  root: string,
  manager: Record<string, unknown> = {},
  { name = "local", env = {} }: { name?: string; env?: NodeJS.ProcessEnv } = {},
) =>
  localManagerConfig({
    stack: { project: "muster", name },
    env,
    settings: parseSettings({
      stack: "local",
      values: { github: { url: "http://127.0.0.1:1/acme" }, manager },
      secretKeys: new Set(["githubToken"]),
      arch: "X64",
      places: { root, home: "/home/me" },
      confinement: { kind: "own-uid", refused: [] },
    }),
    bundles,
    root,
  });

test("the settings are what the manager reads", () => {
  expect(managerConfig.parse(config("/home/me/muster"))).toEqual(config("/home/me/muster"));
  // What was written before there was a choice is read as what it meant.
  const { source: _source, ...github } = config("/home/me/muster").github;
  expect(managerConfig.parse({ ...config("/home/me/muster"), github }).github.source).toBe("auto");
  expect(config("/home/me/muster").manager).toMatchObject({
    directory: "/home/me/muster/.muster/local",
    socket: "/home/me/muster/.muster/local/control.sock",
  });
});

test("a folder of one's own is relative to the checkout", () => {
  expect(config("/home/me/muster", { directory: "../state" }).manager.directory).toBe("/home/me/state");
});

test("every stack of a checkout has a folder of its own, beside what else lies there", () => {
  const directory = (name: string) => config("/home/me/muster", {}, { name }).manager.directory;
  expect(directory("prod")).toBe("/home/me/muster/.muster/prod");
  expect(directory("bundles")).toBe("/home/me/muster/.muster/stack-bundles");
  expect(directory("..")).toBe("/home/me/muster/.muster/stack-..");
  expect(isCliDefault(directory("local"), "/home/me/muster")).toBe(true);
  expect(isCliDefault(directory("prod"), "/home/me/muster")).toBe(false);
});

test("a socket with a place of its own prefers the login session's private folder", () => {
  const root = `/home/${"long/".repeat(20)}`;
  const runtime = mkdtempSync(join(tmpdir(), "muster-xdg-"));
  try {
    const socket = () => config(root, {}, { env: { XDG_RUNTIME_DIR: runtime } }).manager.socket;
    expect(dirname(dirname(socket()))).toBe(runtime);
    chmodSync(runtime, 0o755);
    expect(dirname(dirname(socket()))).toBe(tmpdir());
  } finally {
    rmSync(runtime, { recursive: true });
  }
});

test("a path too long for a socket moves the socket alone, always to the same place", () => {
  const root = `/home/${"long/".repeat(20)}`;
  const { socket, directory } = config(root).manager;
  expect(directory.startsWith(root)).toBe(true);
  expect(dirname(dirname(socket))).toBe(tmpdir());
  expect(socket.length).toBeLessThanOrEqual(100);
  expect(config(root).manager.socket).toBe(socket);
  expect(config(join(root, "other")).manager.socket).not.toBe(socket);
});
