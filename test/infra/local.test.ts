import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { managerConfig } from "../../agent/manager-config.ts";
import { localManagerConfig } from "../../infra/local/config.ts";
import { parseSettings } from "../../infra/settings.ts";

const sha256 = "0".repeat(64);
const bundles = {
  manager: { path: "/b/manager.mjs", sha256, bytes: 1 },
  runner: { path: "/b/runner.mjs", sha256, bytes: 1 },
};
const config = (root: string, manager: Record<string, unknown> = {}) =>
  localManagerConfig({
    stack: { project: "muster", name: "local" },
    settings: parseSettings({
      stack: "local",
      values: { github: { url: "http://127.0.0.1:1/acme" }, manager },
      secretKeys: new Set(["githubToken"]),
      arch: "X64",
    }),
    bundles,
    root,
  });

test("the settings are what the manager reads", () => {
  expect(managerConfig.parse(config("/home/me/muster"))).toEqual(config("/home/me/muster"));
  expect(config("/home/me/muster").manager).toMatchObject({
    directory: "/home/me/muster/.muster/local",
    socket: "/home/me/muster/.muster/local/control.sock",
  });
});

test("a folder of one's own is relative to the checkout", () => {
  expect(config("/home/me/muster", { directory: "../state" }).manager.directory).toBe("/home/me/state");
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
