import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { optionsOf, textOf } from "../../../../agent/cli/setup/command.ts";
import { realTerminal } from "../../../../agent/cli/setup/terminal.ts";

const program = join(import.meta.dirname, "../../../../agent/cli/main.ts");

test.each([
  [["--token", "planted-value"]],
  [["--token=planted-value"]],
  [["ghp_planted-value"]],
  [["--url", "https://x:ghp_planted-value@github.com/acme"]],
  [["--key-file", "-----BEGIN RSA PRIVATE KEY-----planted-value"]],
])("a secret among the arguments is refused with the advice to revoke it: %j", (words) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [program, "setup", ...words], {
    encoding: "utf8",
  });
  expect(status).toBe(1);
  expect(stderr).toMatch(/in the shell's history.*Revoke it.*--token < FILE/);
  expect(stderr + stdout).not.toContain("planted-value");
});

test("each way has its words", () => {
  const given = { stack: "local", token: false, force: false };
  expect(optionsOf(given).way).toEqual({ kind: "make-app", port: 0 });
  expect(optionsOf({ ...given, token: true }).way).toEqual({ kind: "token" });
  expect(optionsOf({ ...given, "app-id": "5", "key-file": "k" }).way).toEqual({
    kind: "own-app",
    id: 5,
    keyFile: "k",
    installation: null,
  });
});

test.each([
  [{ token: true, "app-id": "5" }, "two ways"],
  [{ "app-id": "Iv23abc" }, "that is the client id"],
  [{ installation: "x" }, "--installation is x"],
  [{ port: "0" }, "--port is 0"],
  [{ token: true, port: "80" }, "--port is for the page"],
])("what does not fit together is refused: %j", (more, why) => {
  expect(() => optionsOf({ stack: "local", token: false, force: false, ...more })).toThrow(why);
});

test("the result is told in a line each", () => {
  const text = textOf({
    stack: "dev",
    url: "https://github.com/acme",
    login: { kind: "token", expires: null, page: "https://github.com/settings/tokens" },
    warnings: ["note this"],
    missing: ["muster:trustJobs: say so"],
    next: "npm run pulumi -- preview -s dev",
  });
  expect(text).toContain("login    a token, which names no end\n");
  expect(text).toContain("missing  muster:trustJobs: say so\nnext     npm run pulumi -- preview -s dev");
});

/** A terminal as far as the prompts see one. */
const terminal = () => {
  const modes: boolean[] = [];
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (on: boolean) => modes.push(on),
  });
  const output = Object.assign(new PassThrough(), { isTTY: true });
  const shown = () => String(output.read() ?? "");
  const streams = { input: input as unknown as NodeJS.ReadStream, output };
  return { modes, input, shown, prompts: realTerminal(new AbortController().signal, streams) };
};

test("a hidden answer is never shown, and the terminal is as before afterwards", async () => {
  const { modes, input, shown, prompts } = terminal();
  const answer = prompts.hidden("token");
  input.write("ghp_plantex\u007fd\r");
  expect(await answer).toBe("ghp_planted");
  expect(modes).toEqual([true, false]);
  expect(shown()).toBe("token (not shown): \n");
});

test("Ctrl-C at a hidden prompt ends it and gives the terminal back", async () => {
  const { modes, input, prompts } = terminal();
  const answer = prompts.hidden("token");
  input.write("ghp_\u0003");
  await expect(answer).rejects.toThrow("interrupted");
  expect(modes).toEqual([true, false]);
});

test("an empty answer takes what is offered, and anything but yes is no", async () => {
  const { input, prompts } = terminal();
  const asked = prompts.ask("Where", "here");
  input.write("\n");
  expect(await asked).toBe("here");
  const yes = prompts.yes("Replace it?");
  input.write("sure\n");
  expect(await yes).toBe(false);
});
