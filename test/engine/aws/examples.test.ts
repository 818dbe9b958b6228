/** The examples as people copy them, with nothing changed but the places marked EDIT. */
import { cp, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../../tools/engine/run.ts";
import { githubToken, openAwsRig, said, type AwsRig } from "./rig.ts";

const checkout = join(import.meta.dirname, "../../..");
const component = "examples/inside-another-program";
let rig: AwsRig;

beforeAll(async () => {
  rig = await openAwsRig({
    stack: "prod",
    program: component,
    secrets: { "acme-platform:githubToken": githubToken },
  });
  await installPackage();
  await rig.setConfig({ "acme-platform:github": rig.github.organizationUrl });
});
afterAll(async () => {
  console.log(`examples: ${said(rig)}`);
  await rig.close();
});

/** As npm installs it from a git address: the files of the package, below node_modules, beside what it depends on. */
const installPackage = async () => {
  const project = join(rig.root, "../..");
  const modules = join(rig.root, "node_modules");
  await mkdir(join(modules, "muster"), { recursive: true });
  for (const name of await readdir(join(checkout, "node_modules")))
    if (!name.startsWith(".")) await symlink(join(checkout, "node_modules", name), join(modules, name));
  const packed = await run("npm", ["pack", "--ignore-scripts", "--loglevel=error"], { cwd: project });
  expect(packed).toMatchObject({ code: 0 });
  const archive = join(project, packed.stdout.trim());
  const args = ["-xzf", archive, "-C", join(modules, "muster"), "--strip-components=1"];
  expect(await run("tar", args)).toMatchObject({ code: 0 });
  // The rig's few bytes for Node, so that no test needs a registry.
  await cp(join(project, ".muster/node"), join(modules, "muster/.muster/node"), { recursive: true });
};

/** The file at the checkout's root, its places edited; then the stack's preview. */
const previewFile = async (name: string) => {
  const root = join(rig.root, "../..");
  const pulumi = (...args: string[]) =>
    run("pulumi", [...args, "--stack", name, "--non-interactive"], { cwd: root, env: rig.env });
  const text = await readFile(join(checkout, `examples/${name}/Pulumi.${name}.yaml`), "utf8");
  const edited = text.replace(/^( +url: )\S+( # EDIT 2)/m, `$1${rig.github.organizationUrl}$2`);
  expect(edited).not.toBe(text);
  await writeFile(join(root, `Pulumi.${name}.yaml`), edited);
  expect(await pulumi("stack", "init", "--no-select")).toMatchObject({ code: 0 });
  expect(await pulumi("config", "set", "--secret", "muster:githubToken", githubToken)).toMatchObject({
    code: 0,
  });
  const ran = await pulumi("preview", "--json");
  expect(ran).toMatchObject({ code: 0 });
  const { changeSummary, steps } = JSON.parse(ran.stdout) as {
    changeSummary: Record<string, number>;
    steps: { newState?: { type: string; outputs?: { summary?: string } } }[];
  };
  const types = steps.map(({ newState }) => newState?.type ?? "");
  return {
    changes: Object.keys(changeSummary),
    count: (type: string) => types.filter((one) => one === type).length,
  };
};

test.each([
  ["smallest", { vpcs: 1, templates: 2, peerings: 0 }],
  ["existing-vpc", { vpcs: 0, templates: 2, peerings: 0 }],
  ["two-regions", { vpcs: 2, templates: 4, peerings: 1 }],
])("%s previews, and makes what it says", async (name, { vpcs, templates, peerings }) => {
  const { changes, count } = await previewFile(name);
  expect(changes).toEqual(["create"]);
  expect(count("aws:ec2/vpc:Vpc")).toBe(vpcs);
  expect(count("aws:ec2/launchTemplate:LaunchTemplate")).toBe(templates);
  expect(count("aws:ec2/vpcPeeringConnection:VpcPeeringConnection")).toBe(peerings);
});

test("another program gives the runners its network and uses what they tell; a second preview shows nothing", async () => {
  const outputs = await rig.up();
  expect(outputs).toMatchObject({
    pools: { arm64: "runs-on: [self-hosted, linux, ARM64]" },
    summary: expect.stringContaining(`runners for ${rig.github.organizationUrl}`),
  });
  const page = await readFile(join(checkout, component, "README.md"), "utf8");
  const [, idle, most] = /USD (\S+) a month idle,[^;]*; at most USD (\S+) an hour/.exec(page)!;
  expect(outputs["summary"]).toContain(`(${idle} a month) idle, USD ${most} an hour`);
  expect((await rig.preview({ refresh: true })).steps).toEqual({});
  const { resources } = (await rig.state()) as unknown as {
    resources: { urn: string; dependencies?: string[] }[];
  };
  const named = (name: string) => resources.find(({ urn }) => urn.endsWith(`::${name}`))!;
  const after = (name: string) => (named(name).dependencies ?? []).map((urn) => urn.split("::").at(-1));
  // The way out stands until the last of the runners is gone.
  for (const name of ["ci-drain", "ci-sweep", "ci-manager-host-instance"])
    expect(after(name)).toContain("nat");
  expect(JSON.stringify(resources)).not.toContain(githubToken);
});

test("two in one program, protected and transformed, are told apart by all that is made", async () => {
  const file = join(rig.root, "index.ts");
  const text = await readFile(file, "utf8");
  const second = `
import * as muster from "muster";
const own = { aws: { region, namePrefix: "acme-heavy" }, github: { url: config.require("github") } };
await muster.Runners.create("heavy", { settings: own, secrets: { githubToken: config.requireSecret("githubToken") } }, {
  protect: true,
  transformations: [({ props, opts, type }) => ({ props: type === "aws:ec2/launchTemplate:LaunchTemplate" ? { ...props, description: "acme" } : props, opts })],
});
`;
  await writeFile(file, text + second);
  try {
    const { steps, changes } = await rig.preview();
    expect(Object.keys(changes).sort()).toEqual(["create", "same"]);
    const names = Object.keys(steps);
    expect(names).toEqual(
      expect.arrayContaining(["heavy", "heavy-eu-central-1", "heavy-tls", "heavy-drain"]),
    );
    const templates = Object.entries(steps).filter(
      ([, { type }]) => type === "aws:ec2/launchTemplate:LaunchTemplate",
    );
    expect(templates).toHaveLength(2);
    for (const [, { inputs }] of templates)
      expect(inputs).toMatchObject({ description: "acme", name: expect.stringMatching(/^acme-heavy-/) });
  } finally {
    await writeFile(file, text);
  }
});

test("destroy leaves nothing, the program's own network included", async () => {
  await rig.destroy();
  expect(await rig.everything()).toEqual([]);
});
