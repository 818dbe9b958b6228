/** `pulumi new` of the checkout, as a newcomer types it: the project is made, its packages are installed, its stack previews. */
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { engineEnvironment } from "../../tools/engine/environment.ts";
import { findEngine } from "../../tools/engine/find.ts";
import { run, type Ran } from "../../tools/engine/run.ts";
import { copyProject, type Project } from "./project.ts";

const checkout = join(import.meta.dirname, "../..");
let template: Project;
let around: string;
let made: string;
let pulumi: (args: readonly string[]) => Promise<Ran>;

/** In npm's place: says how it was called and puts the checkout's packages there, so that no registry is needed. */
const npm = (log: string) => `#!/bin/sh
[ "$1" = install ] || exit 9
# Like npm: where the next package.json is, from here upwards.
while [ ! -e package.json ]; do cd ..; done
echo "$PWD: npm $*" >>'${log}'
[ -e node_modules ] || ln -s '${join(checkout, "node_modules")}' node_modules
`;

beforeAll(async () => {
  template = await copyProject();
  // A fresh clone has neither.
  for (const name of ["node_modules", "Pulumi.local.yaml"]) await rm(join(template.root, name));
  around = await mkdtemp(join(tmpdir(), "muster-new-"));
  made = join(around, "acme");
  const [programs, backend] = ["programs", "backend"].map((name) => join(around, name)) as [string, string];
  for (const folder of [programs, backend]) await mkdir(folder);
  await writeFile(join(programs, "npm"), npm(join(around, "npm.log")), { mode: 0o755 });
  const engine = await findEngine({ log: () => {} });
  const common = await engineEnvironment({ root: checkout, engine, stack: "dev" });
  const plugins = join(import.meta.dirname, "clouds");
  const env: NodeJS.ProcessEnv = {
    ...common,
    PATH: [programs, plugins, common["PATH"]].join(delimiter),
    PULUMI_HOME: join(around, "home"),
    PULUMI_BACKEND_URL: `file://${backend}`,
    PULUMI_CONFIG_PASSPHRASE: "new",
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    // Where nobody listens: a first preview asks AWS nothing.
    AWS_ENDPOINT_URL: "http://127.0.0.1:9",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  };
  pulumi = (args) =>
    run(join(engine.directory, "pulumi"), [...args, "--non-interactive"], {
      cwd: args[0] === "new" ? around : made,
      env,
    });
});
afterAll(async () => {
  await rm(around, { recursive: true, force: true });
  await template.remove();
});

test("the project is made under its own name, with the stack's settings as they stand in the checkout", async () => {
  const ran = await pulumi([
    "new",
    template.root,
    "--dir",
    made,
    "--name",
    "acme-runners",
    "--stack",
    "dev",
    "--yes",
  ]);
  // Language hosts before 3.135 look for the packages beside the program, and say so once npm is done.
  if (ran.code !== 0)
    expect(ran.stderr).toMatch(/npm install reported success, but node_modules directory is missing/);
  const calls = await readFile(join(around, "npm.log"), "utf8");
  expect(calls).toMatch(new RegExp(`^${made}: npm install`));
  const read = async (path: string) =>
    parse(await readFile(path, "utf8")) as Record<string, Record<string, unknown>>;
  const project = await read(join(made, "Pulumi.yaml"));
  expect(project).toMatchObject({ name: "acme-runners", main: "infra/main.mjs" });
  expect(project).not.toHaveProperty("template");
  const { config } = await read(join(made, "Pulumi.dev.yaml"));
  expect(config).toEqual((await read(join(checkout, "Pulumi.dev.yaml")))["config"]);
});

test("editors find the schema of its settings", async () => {
  const text = await readFile(join(made, "Pulumi.dev.yaml"), "utf8");
  const path = /^# yaml-language-server: \$schema=(\S+)$/m.exec(text)![1]!;
  expect((await stat(join(made, path))).isFile()).toBe(true);
});

test("its stack previews once it has a login", async () => {
  expect(
    await pulumi(["config", "set", "--secret", "muster:githubToken", "planted", "-s", "dev"]),
  ).toMatchObject({ code: 0 });
  const ran = await pulumi(["preview", "-s", "dev", "--json"]);
  expect(ran).toMatchObject({ code: 0 });
  expect(Object.keys((JSON.parse(ran.stdout) as { changeSummary: object }).changeSummary)).toEqual([
    "create",
  ]);
});
