import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { bundle, bundleNames, limits, type BundleName } from "../../infra/bundle.ts";

const roots: string[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await rm(root, { recursive: true });
});

const project = async (runner: string, helper = "export const help = 1;") => {
  const root = await mkdtemp(join(tmpdir(), "muster-bundle-"));
  roots.push(root);
  for (const name of ["manager", "runner", "updater", "leaving", "spot-role"])
    await mkdir(join(root, "agent", name), { recursive: true });
  await writeFile(join(root, "agent/helper.ts"), helper);
  await writeFile(
    join(root, "agent/manager/main.ts"),
    'import { help } from "../helper.ts"; console.log(help);',
  );
  await writeFile(join(root, "agent/runner/main.ts"), runner);
  await writeFile(
    join(root, "agent/updater/main.ts"),
    'import { help } from "../helper.ts"; console.log(help + 1);',
  );
  await writeFile(join(root, "agent/leaving/main.ts"), 'import "../helper.ts";');
  await writeFile(join(root, "agent/spot-role/main.ts"), 'import "../helper.ts";');
  return root;
};
const small = "const text: string = 'small'; console.log(text);";

test("the same sources give the same bytes from any folder, under a name made of their content", async () => {
  const lines: string[] = [];
  const [one, two] = [await project(small), await project(small)];
  const [first, second] = [
    await bundle(one, bundleNames, (line) => void lines.push(line)),
    await bundle(two, bundleNames, () => {}),
  ];
  expect(await readFile(first.manager.path)).toEqual(await readFile(second.manager.path));
  expect(first.runner.sha256).toBe(second.runner.sha256);
  expect(first.runner.path).toBe(join(one, `.muster/bundles/runner-${first.runner.sha256.slice(0, 16)}.mjs`));
  expect(lines).toEqual([
    expect.stringMatching(
      /^bundles: manager \d+\.\d KB, runner \d+\.\d KB, updater \d+\.\d KB, leaving \d+\.\d KB, spot-role \d+\.\d KB$/,
    ),
  ]);
});

test("only what is asked for is built, and the older module format has its own ending", async () => {
  const root = await project("const =");
  const { leaving, ...others } = await bundle(root, ["leaving"], () => {});
  expect(others).toEqual({});
  const files = await readdir(join(root, ".muster/bundles"));
  expect(files.filter((name) => !name.endsWith(".json"))).toEqual([
    `leaving-${leaving.sha256.slice(0, 16)}.cjs`,
  ]);
});

test("a bundle that is there already is not touched", async () => {
  const root = await project(small);
  const { runner } = await bundle(root, ["runner"], () => {});
  const before = await stat(runner.path, { bigint: true });
  await bundle(root, ["runner"], () => {});
  expect((await stat(runner.path, { bigint: true })).mtimeNs).toBe(before.mtimeNs);
});

test("changed sources leave the old bundle in place", async () => {
  const root = await project(small);
  const old = await bundle(root, ["runner"], () => {});
  await writeFile(join(root, "agent/runner/main.ts"), "console.log('other');");
  const now = await bundle(root, ["runner"], () => {});
  expect(now.runner.path).not.toBe(old.runner.path);
  await stat(old.runner.path);
});

test.each(Object.entries(limits))(
  "a bundle %s over its limit is refused, with its largest inputs",
  async (name, limit) => {
    const root = await project(small);
    const large = `console.log(${JSON.stringify("x".repeat(limit.bytes))});`;
    await writeFile(join(root, "agent", name, "main.ts"), `import "../helper.ts";\n${large}`);
    const kb = `${limit.bytes / 1024}.0 KB`;
    await expect(bundle(root, [name as BundleName], () => {})).rejects.toThrow(
      new RegExp(`bundle ${name} has ${kb}, more than ${kb}: ${limit.why}[^]*${kb}  agent/${name}/main.ts`),
    );
  },
);

test("a source that is wrong is named", async () => {
  await expect(bundle(await project("const ="), ["runner", "manager"], () => {})).rejects.toThrow(
    "agent/runner could not be bundled",
  );
});
