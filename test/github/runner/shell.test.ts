import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporary } from "./job-harness.ts";
import { resolveShell, shellArguments } from "./worker/shell.ts";

function pathWith(...programs: string[]): string {
  const directory = temporary();
  for (const program of programs) writeFileSync(join(directory, program), "#!/bin/sh\n", { mode: 0o755 });
  return directory;
}
const command = (shell: string | null, path: string) => {
  const resolved = resolveShell(shell, path);
  return [
    resolved.file.slice(path.length + 1),
    ...shellArguments(resolved, `/tmp/s${resolved.extension}`),
  ].join(" ");
};

test("built-in shells get GitHub's arguments", () => {
  const path = pathWith("bash", "sh", "python", "node");
  expect(command(null, path)).toBe("bash -e /tmp/s.sh");
  expect(command("bash", path)).toBe("bash --noprofile --norc -e -o pipefail /tmp/s.sh");
  expect(command("sh", path)).toBe("sh -e /tmp/s.sh");
  expect(command("python", path)).toBe("python /tmp/s.py");
  expect(command("node", path)).toBe("node /tmp/s.js");
});

test("without bash the default is sh; without both it is an error", () => {
  expect(command(null, pathWith("sh"))).toBe("sh -e /tmp/s.sh");
  expect(() => resolveShell(null, pathWith())).toThrow("Neither bash nor sh is on PATH.");
});

test("a shell of one's own is a format with {0}", () => {
  const path = pathWith("perl", "bash");
  expect(command("perl -w {0}", path)).toBe("perl -w /tmp/s");
  expect(command("bash -x 'a b' {0}", path)).toBe("bash -x a b /tmp/s.sh");
  expect(() => resolveShell("perl", path)).toThrow("Shell must be a valid built-in");
});
