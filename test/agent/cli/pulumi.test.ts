import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openPulumi, PulumiError } from "../../../agent/cli/pulumi.ts";
import { eventually, gone } from "../supervisor/rig.ts";

let root: string;
const said: string[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "muster-pulumi-"));
  await mkdir(join(root, "tools"));
});
afterEach(() => rm(root, { recursive: true }));

/** In the place of tools/pulumi.ts: notes what it was given, then does what the lines say. */
const program = async (...lines: string[]) =>
  writeFile(
    join(root, "tools/pulumi.ts"),
    `import { readFileSync, writeFileSync } from "node:fs";
     const given = { args: process.argv.slice(2), stdin: readFileSync(0, "utf8"), planted: process.env.PLANTED };
     writeFileSync("given.json", JSON.stringify(given));
     ${lines.join("\n")}`,
  );
const given = async () =>
  JSON.parse(await readFile(join(root, "given.json"), "utf8")) as {
    args: string[];
    stdin: string;
    planted: string;
  };
const open = (stack = "local") => openPulumi(stack, { root, say: (line) => void said.push(line) });

test("a secret travels by standard input and never as an argument", async () => {
  await program();
  await open().setSecret("muster:githubToken", "planted-token");
  const { args, stdin } = await given();
  expect(stdin).toBe("planted-token\n");
  expect(args).toEqual("config set --secret muster:githubToken --non-interactive --stack local".split(" "));
});

test("a command that is of no stack is given none: Pulumi would not know the flag", async () => {
  await program();
  await open("dev").run(["whoami"], { ofStack: false });
  expect((await given()).args).toEqual(["whoami", "--non-interactive"]);
});

test("plain values go in one write, by path", async () => {
  await program();
  await open("dev").setPlain({ "muster:github.url": "https://github.com/acme", "muster:github.app.id": 5 });
  expect((await given()).args.join(" ")).toBe(
    "config set-all --path --plaintext muster:github.url=https://github.com/acme " +
      "--plaintext muster:github.app.id=5 --non-interactive --stack dev",
  );
});

test("another stack keeps the user's own environment", async () => {
  await program();
  await openPulumi("dev", { root, env: { ...process.env, PLANTED: "yes" } }).must(["whoami"]);
  expect((await given()).planted).toBe("yes");
});

test("the configuration is read with its types; what is secret only says that it is", async () => {
  const listed = {
    "muster:github": { value: '{"url":"u"}', objectValue: { url: "u" }, secret: false },
    "muster:githubToken": { secret: true },
    "muster:trustJobs": { value: "true", secret: false },
    "muster:note": { value: "text", secret: false },
  };
  await program(`console.log(${JSON.stringify(JSON.stringify(listed))})`);
  expect(await open().config()).toEqual({
    "muster:github": { secret: false, value: { url: "u" } },
    "muster:githubToken": { secret: true },
    "muster:trustJobs": { secret: false, value: true },
    "muster:note": { secret: false, value: "text" },
  });
});

test("a failure names the command, the exit code and what was printed, and progress is told as it comes", async () => {
  said.length = 0;
  await program(
    `console.error("building the Pulumi engine\\nerror: no stack named 'dev' found"); process.exitCode = 6;`,
  );
  const error = await open("dev")
    .config()
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PulumiError);
  expect((error as PulumiError).ran).toMatchObject({ code: 6, timedOut: false });
  expect((error as Error).message).toBe(
    "pulumi config --json --stack dev failed (exit code 6):\nerror: no stack named 'dev' found\n" +
      "Make it first: npm run pulumi -- stack init dev",
  );
  expect(said).toEqual(["building the Pulumi engine"]);
});

test("a stack whose login is missing is answered with the command that logs in", async () => {
  await program(
    `console.error("error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions");
     process.exitCode = 3;`,
  );
  await expect(open("dev").config()).rejects.toThrow(
    /npm run pulumi -- login \(only the stack local needs none\)$/,
  );
});

test("what hangs is ended with everything that it started when its time is up", async () => {
  await program(
    `import { spawn } from "node:child_process";
     const child = spawn("sleep", ["600"], { stdio: "inherit" });
     writeFileSync("child", String(child.pid));
     await new Promise(() => setTimeout(() => {}, 600_000));`,
  );
  const stack = open();
  const ran = await stack.run(["preview"], { limitMs: 1_500 });
  expect(ran).toMatchObject({ code: 137, timedOut: true });
  const child = Number(await readFile(join(root, "child"), "utf8"));
  await eventually("the child is gone", () => gone(child));
  await expect(stack.must(["preview"], { limitMs: 1_500 })).rejects.toThrow("gave no result within 2 s");
});

test("a program that is not there is an error, not a crash", async () => {
  await rm(join(root, "tools"), { recursive: true });
  expect((await open().run(["whoami"])).code).not.toBe(0);
  expect((await openPulumi("local", { root: join(root, "no") }).run(["whoami"])).code).toBe(127);
});
