import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { hostPaths } from "../../agent/manager-host.ts";
import { managerUserData, type ManagerUserDataArgs, userDataBytesMax } from "../../cloud-init/manager.ts";

const args: ManagerUserDataArgs = {
  stack: { project: "muster", name: "dev" },
  region: "eu-central-1",
  bucket: "muster-dev-manager-0123456",
  parameterPrefix: "/muster-dev",
  logGroup: "muster-dev-manager",
  volume: "vol-0123456789abcdef0",
  node: {
    url: "https://registry.example/node.tgz",
    integrity: `sha512-${Buffer.alloc(64, 7).toString("base64")}`,
    key: "manager/files/aa/node.tgz",
  },
  proxy: null,
  extraCa: null,
};
const folder = mkdtempSync(join(tmpdir(), "muster-units-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the boothook writes, by path. */
const written = (userData: string) =>
  new Map(
    [...userData.matchAll(/^cat >(\S+)\.new <<'MUSTER_END_OF_FILE'\n([^]*?)\nMUSTER_END_OF_FILE$/gm)].map(
      ([, path, text]) => [path!, text!] as const,
    ),
  );

test("the user data is constant and leaves room for certificates of the user's own", () => {
  expect(managerUserData(args)).toBe(managerUserData(structuredClone(args)));
  expect(Buffer.byteLength(managerUserData(args))).toBeLessThan(userDataBytesMax - 4_096);
});

test("what EC2 would not take is refused with what is too large", () => {
  expect(() => managerUserData({ ...args, extraCa: "x".repeat(userDataBytesMax) })).toThrow(
    /more than the 16384 that EC2 takes; extraCa has 16384 of them/,
  );
});

test("the hook and its scripts are what sh can read", () => {
  const userData = managerUserData(args);
  expect(userData.startsWith("#cloud-boothook\n#!/bin/sh\n")).toBe(true);
  const scripts = [...written(userData)].filter(([path]) => path.endsWith(".sh")).map(([, text]) => text);
  for (const script of [userData, ...scripts]) execFileSync("sh", ["-n"], { input: script });
  expect(scripts).toHaveLength(2);
});

test("the machine is told where its journal goes", () => {
  expect(written(managerUserData(args)).get("/etc/muster/host.env")).toContain(
    'MUSTER_LOG_GROUP="muster-dev-manager"',
  );
});

test("a proxy is followed by curl and Node, but never to the machine's metadata", () => {
  const env = written(
    managerUserData({ ...args, proxy: { url: "http://proxy.example:3128", noProxy: ["10.0.0.0/8"] } }),
  ).get("/etc/muster/host.env");
  expect(env).toContain('https_proxy="http://proxy.example:3128"');
  expect(env).toContain('no_proxy="10.0.0.0/8,169.254.169.254,127.0.0.1,localhost"');
  expect(env).toContain('NODE_USE_ENV_PROXY="1"');
});

test("certificates of the user's own reach the machine as a file, not through a shell", () => {
  const pem = "-----BEGIN CERTIFICATE-----\n$(touch /tmp/x)`id`\n-----END CERTIFICATE-----";
  const files = written(managerUserData({ ...args, extraCa: pem }));
  expect(files.get("/etc/muster/extra-ca.pem")).toBe(pem);
  expect(files.get("/etc/muster/host.env")).toContain('NODE_EXTRA_CA_CERTS="/etc/muster/extra-ca.pem"');
});

test.each(["a\nb", 'a"b', "$(id)", "`id`", "a\\b"])(
  "a value that a shell would read is refused: %j",
  (bucket) => {
    expect(() => managerUserData({ ...args, bucket })).toThrow(/MUSTER_BUCKET: .* must not hold/);
  },
);

test("a hash that is not from a lockfile is refused", () => {
  expect(() => managerUserData({ ...args, node: { ...args.node, integrity: "sha256-abc=" } })).toThrow(
    "node.integrity: sha256-abc= is not sha512-BASE64",
  );
});

describe("the units", () => {
  const units = [...written(managerUserData(args))].filter(([path]) => path.endsWith(".service"));
  const unit = (name: string) => units.find(([path]) => path.endsWith(name))![1];

  test("name the folders that the program and the updater know", () => {
    expect(unit("muster-manager.service")).toContain(`--config ${hostPaths.updater}/settings.json`);
    expect(unit("muster-manager.service")).toContain(`StandardInput=file:${hostPaths.updater}/secrets.json`);
    expect(unit("muster-manager.service")).toContain(`ReadWritePaths=${hostPaths.data}`);
    expect(unit("muster-updater.service")).toContain(`ReadWritePaths=${hostPaths.programs}`);
  });

  test("start the manager with the flags of every manager", () => {
    const flags = readFileSync(
      join(import.meta.dirname, "../../agent/supervisor/manager-process.ts"),
      "utf8",
    );
    expect(flags).toContain("--max-semi-space-size=1");
    expect(unit("muster-manager.service")).toContain("/opt/muster/node --max-semi-space-size=1 ");
    expect(unit("muster-manager.service")).toContain("Environment=MALLOC_ARENA_MAX=1");
  });

  test("do not forbid V8 its memory", () => {
    for (const [, text] of units) expect(text).not.toContain("MemoryDenyWriteExecute");
  });

  const analyze = spawnSync("systemd-analyze", ["--version"]).status === 0;
  test.runIf(analyze).each([
    ["muster-manager.service", 2],
    ["muster-updater.service", 2.5],
  ] as const)("%s is exposed at most %d (systemd-analyze security)", (name, most) => {
    // It wants programs that exist on this computer.
    writeFileSync(join(folder, name), unit(name).replace(/^ExecStart=.*$/m, "ExecStart=/bin/true"));
    const said = execFileSync(
      "systemd-analyze",
      ["security", "--offline=true", "--no-pager", join(folder, name)],
      { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
    );
    expect(Number(/Overall exposure level for \S+: ([\d.]+)/.exec(said)?.[1])).toBeLessThanOrEqual(most);
  });
});
