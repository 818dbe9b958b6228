import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildRunnerArchive } from "./archive.ts";
import { temporary } from "./job-harness.ts";

const list = (path: string, ...flags: string[]) =>
  execFileSync("tar", ["-tzf", path, ...flags], { encoding: "utf8" })
    .trim()
    .split("\n");

test("the archive has the real one's name and layout, with Node as a link to this one", async () => {
  const archive = await buildRunnerArchive({ directory: temporary() });
  const architecture = process.arch === "arm64" ? "arm64" : "x64";
  expect(archive).toMatchObject({
    filename: `actions-runner-linux-${architecture}-2.336.0.tar.gz`,
    version: "2.336.0",
    os: "linux",
    architecture,
  });
  const names = list(archive.path);
  for (const name of [
    "./run.sh",
    "./run-helper.sh.template",
    "./config.sh",
    "./env.sh",
    "./bin/Runner.Listener",
    "./bin/Runner.Worker",
    "./bin/installdependencies.sh",
    "./externals/node24/bin/node",
    "./externals/node20/bin/node",
  ]) {
    expect(names).toContain(name);
  }
  expect(list(archive.path, "-v").find((line) => line.includes("./externals/node24/bin/node ->"))).toContain(
    `-> ${process.execPath}`,
  );
});

test("the same sources make the same bytes, and the answer has their SHA-256", async () => {
  const archives = [
    await buildRunnerArchive({ directory: temporary() }),
    await buildRunnerArchive({ directory: temporary() }),
  ];
  const [first, second] = archives.map(({ path }) => readFileSync(path));
  expect(first!.equals(second!)).toBe(true);
  expect(archives[0]!.sha256).toBe(createHash("sha256").update(first!).digest("hex"));
});

test("nothing in it depends on when, by whom and under which umask it was built", async () => {
  const old = process.umask(0o077);
  const { path } = await buildRunnerArchive({ directory: temporary() }).finally(() => process.umask(old));
  for (const line of list(path, "-v", "--utc", "--numeric-owner")) {
    expect(line).toMatch(/^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--|lrwxrwxrwx) 0\/0 +\d+ 1970-01-01 00:00 /);
  }
});

test("with `copy` it contains the Node binary itself", async () => {
  const root = temporary();
  const { path } = await buildRunnerArchive({
    directory: join(root, "built"),
    node: "copy",
    version: "2.400.1",
  });
  expect(path).toContain("-2.400.1.tar.gz");
  execFileSync("tar", ["-xzf", path, "-C", root]);
  const said = execFileSync(join(root, "externals/node20/bin/node"), ["--version"], { encoding: "utf8" });
  expect(said.trim()).toBe(process.version);
  expect(execFileSync(join(root, "bin/Runner.Listener"), ["--version"], { encoding: "utf8" }).trim()).toBe(
    "2.336.0",
  );
});
