/** The stand-in of @pulumi/command keeps the rules of the real plugin, as the real engine sees them. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { LocalWorkspace, PulumiCommand, type Stack } from "@pulumi/pulumi/automation/index.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findEngine } from "../../tools/engine/find.ts";
import { command } from "./standin/command.ts";
import { serve } from "./standin/serve.ts";

const secret = "planted-value";
let home: string;
let stack: Stack;
let close: () => void;
let commands: Record<string, local.CommandArgs> = {};

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "muster-command-"));
  const engine = await findEngine({ log: () => {} });
  // PulumiCommand looks for the engine on this process's PATH.
  process.env.PATH = `${engine.directory}${delimiter}${process.env.PATH}`;
  const server = await serve(command, { version: "1.2.1" });
  close = server.close;
  const envVars = {
    PULUMI_BACKEND_URL: `file://${home}`,
    PULUMI_HOME: join(home, "home"),
    PULUMI_CONFIG_PASSPHRASE: "test",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    PULUMI_DEBUG_PROVIDERS: `command:${server.port}`,
  };
  const program = async () =>
    Object.fromEntries(
      Object.entries(commands).map(([name, args]) => [name, new local.Command(name, args).stdout]),
    );
  stack = await LocalWorkspace.createStack(
    { stackName: "test", projectName: "muster-command", program },
    { envVars, pulumiCommand: await PulumiCommand.get({ skipVersionCheck: true }) },
  );
});
afterAll(async () => {
  await stack.destroy();
  close();
  await rm(home, { recursive: true });
});

const up = async (next: typeof commands) => {
  commands = next;
  return (await stack.up()).outputs;
};

const b = {
  create: "echo made",
  update: 'echo "was $PULUMI_COMMAND_STDOUT"',
  delete: "cat > gone",
};

test("create runs with directory, input and environment; a secret input makes the output secret", async () => {
  const outputs = await up({
    a: { create: 'cat; echo "$V"; pwd', stdin: "in,", dir: home, environment: { V: "1" } },
    b: { ...b, dir: home, stdin: "1" },
    c: { create: "cat", stdin: pulumi.secret(secret) },
  });
  expect(outputs.a).toMatchObject({ value: `in,1\n${home}`, secret: false });
  expect(outputs.b!.value).toBe("made");
  expect(outputs.c).toMatchObject({ value: secret, secret: true });
  expect(await readFile(join(home, ".pulumi/stacks/muster-command/test.json"), "utf8")).not.toContain(secret);
});

test("an edit runs update, or else create again", async () => {
  const outputs = await up({ a: { create: "echo again" }, b: { ...b, dir: home, stdin: "2" } });
  expect(outputs.a!.value).toBe("again");
  expect(outputs.b!.value).toBe("was made");
});

test("a changed trigger replaces: create runs, and delete with what the state holds", async () => {
  expect((await up({ b: { ...b, dir: home, stdin: "3", triggers: [1] } })).b!.value).toBe("made");
  expect(await readFile(join(home, "gone"), "utf8")).toBe("2");
});

test("a command that fails gives its status and output", async () => {
  await expect(up({ d: { create: "echo oops >&2; exit 3" } })).rejects.toThrow(/exit status 3[^]*oops/);
});

test("a property that the real plugin does not know, and one that the stand-in leaves out, are refused", () => {
  const { check } = command.kinds["command:local:Command"]!;
  expect(check!({ create: "true", creat: "x" })).toHaveLength(1);
  expect(check!({ assetPaths: ["*"] })).toEqual([
    { property: "assetPaths", reason: "the stand-in has no assets" },
  ]);
  expect(check!({ create: "true", stdin: null })).toEqual([]);
});
