import { execFile } from "node:child_process";
import {
  chmod,
  chown,
  cp,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { leaveSecrets } from "../../../agent/cli/local/secrets.ts";
import { start } from "../../../agent/cli/local/start.ts";
import { sweep } from "../../../agent/cli/local/sweep.ts";
import { ensureFolder } from "../../../agent/supervisor/folder.ts";
import { gone, makeRig, type Rig } from "../supervisor/rig.ts";

let rig: Rig;
beforeEach(async () => {
  rig = await makeRig();
});
afterEach(() => rig.remove());

const secrets = '{"githubToken":"planted-token"}';
const up = async () => {
  await leaveSecrets(rig.paths.directory, secrets, rig.deps);
  await start(rig.config, rig.deps);
};
const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

test("sweep refuses a folder that is not a manager's and touches nothing in it", async () => {
  const { directory } = rig.paths;
  await mkdir(join(directory, "machines"), { recursive: true });
  await writeFile(join(directory, "precious"), "mine");
  await expect(sweep(directory, null, rig.deps)).rejects.toThrow("is not a folder of muster");
  expect(await readFile(join(directory, "precious"), "utf8")).toBe("mine");
});

test("sweep removes an empty folder", async () => {
  await mkdir(rig.paths.directory);
  await sweep(rig.paths.directory, null, rig.deps);
  expect(await exists(rig.paths.directory)).toBe(false);
});

test("sweep of a copied folder leaves the manager alone that the copy tells of, and one that was moved is swept", async () => {
  await up();
  const copy = join(dirname(rig.paths.directory), "copy");
  await cp(rig.paths.directory, copy, {
    recursive: true,
    filter: async (path) => !(await stat(path)).isSocket(),
  });
  const pid = await rig.managerPid();
  await expect(sweep(copy, secrets, rig.deps)).rejects.toThrow(`is a copy of ${rig.paths.directory}`);
  expect(await rig.managerPid()).toBe(pid);
  expect(gone(pid)).toBe(false);
  expect((await rig.events()).some(({ event }) => event === "forget")).toBe(false);
  await sweep(rig.paths.directory, null, rig.deps);
  await sweep(copy, null, rig.deps);
  expect(await exists(copy)).toBe(false);
});

const nobody = 65_534;
/** Runs `muster local sweep` as a user whom the modes of folders bind; root becomes nobody once all is loaded. */
const sweepAsUser = async () => {
  const url = new URL("../../../agent/cli/local/sweep.ts", import.meta.url);
  const deps = new URL("../../../agent/cli/deps.ts", import.meta.url);
  const script = `
    const { sweep } = await import(${JSON.stringify(url)});
    const { realCliDeps } = await import(${JSON.stringify(deps)});
    if (process.getuid() === 0) (process.setgid(${nobody}), process.setuid(${nobody}));
    await sweep(${JSON.stringify(rig.paths.directory)}, null, realCliDeps);`;
  return promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
};
const giveAway = async (path: string) => {
  for (const entry of await readdir(path, { recursive: true }))
    await chown(join(path, entry), nobody, nobody);
  await chown(path, nobody, nobody);
};

test("sweep removes read-only folders that a job left in a machine's home", async () => {
  await ensureFolder(rig.paths.directory);
  const cache = join(rig.paths.machines, "m1/home/go/pkg/mod/example.org@v1");
  await mkdir(cache, { recursive: true });
  await writeFile(join(cache, "a.go"), "");
  await chmod(cache, 0o555);
  await chmod(dirname(cache), 0o555);
  if (process.getuid!() === 0) await giveAway(dirname(rig.paths.directory));
  const { stderr } = await sweepAsUser();
  expect(stderr).toContain(`removed ${rig.paths.directory}`);
  expect(await exists(rig.paths.directory)).toBe(false);
});

test.runIf(process.getuid!() === 0)(
  "sweep names what belongs to another user, removes the rest, secrets too, and succeeds; later it goes on",
  async () => {
    await ensureFolder(rig.paths.directory);
    const foreign = join(rig.paths.machines, "m1/work/by-root");
    await mkdir(foreign, { recursive: true });
    await writeFile(join(foreign, "file"), "");
    await writeFile(rig.paths.secrets, secrets);
    await giveAway(dirname(rig.paths.directory));
    for (const path of [foreign, join(foreign, "file")]) await chown(path, 0, 0);
    const { stderr } = await sweepAsUser();
    expect(stderr).toContain(join(foreign, "file"));
    expect(await readdir(rig.paths.directory)).toEqual(["machines", "muster.json"]);
    await sweep(rig.paths.directory, null, rig.deps);
    expect(await exists(rig.paths.directory)).toBe(false);
  },
);

/** A socket outside the folder. */
const socketIn = (parent: string) => {
  const manager = { ...rig.config.manager, socket: join(parent, "control.sock") };
  rig.config = { ...rig.config, manager };
};

test("a link in the place of the socket's folder is refused, also to a folder of our own", async () => {
  const { directory } = rig.paths;
  await mkdir(`${directory}-mine`, { mode: 0o700 });
  await symlink(`${directory}-mine`, `${directory}-socket`);
  socketIn(`${directory}-socket`);
  await expect(up()).rejects.toThrow("must be a real folder that belongs to this user alone");
});

test("sweep removes the socket, and its folder only when nothing else is in it", async () => {
  const parent = `${rig.paths.directory}-socket`;
  socketIn(parent);
  await up();
  await writeFile(join(parent, "precious"), "mine");
  await sweep(rig.paths.directory, null, rig.deps);
  expect(await readdir(parent)).toEqual(["precious"]);
});

test("an old bundle stays while the settings of a stack beside it name it", async () => {
  const muster = dirname(rig.paths.directory);
  const bundle = (digit: string) => join(muster, `bundles/manager-${digit.repeat(16)}.mjs`);
  await mkdir(join(muster, "bundles"));
  for (const digit of ["0", "1", "2"]) await writeFile(bundle(digit), "");
  for (const digit of ["1", "2"]) await utimes(bundle(digit), 0, 0);
  await mkdir(join(muster, "other"));
  await writeFile(join(muster, "other/settings.json"), JSON.stringify({ managerBundle: bundle("1") }));
  const other = await rig.otherBundle();
  const path = join(muster, "bundles/manager.mts");
  await writeFile(path, await readFile(other.path));
  const manager = { ...rig.config.manager, managerBundle: { ...other, path } };
  rig.config = { ...rig.config, manager };
  await up();
  expect(await Promise.all(["0", "1", "2"].map((digit) => exists(bundle(digit))))).toEqual([
    true,
    true,
    false,
  ]);
});
