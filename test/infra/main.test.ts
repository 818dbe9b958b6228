import { expect, test } from "vitest";
import { run } from "../../tools/engine/run.ts";
import { join } from "node:path";

const entry = join(import.meta.dirname, "../../infra/main.mjs");

/** Runs the entry file's program under a Node that says it is another version. */
const under = (version: string) => {
  const script = `
    Object.defineProperty(process, "version", { value: "v${version}" });
    Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });
    const { default: program } = await import(${JSON.stringify(entry)});
    await program().catch((error) => console.log(error.__pulumiRunError === true, error.message));`;
  return run(process.execPath, ["--input-type=module", "-e", script], { limitMs: 20_000 });
};

test.each(["20.19.5", "22.17.1"])("Node %s is refused with the cure", async (version) => {
  const { stdout } = await under(version);
  expect(stdout).toContain(
    `true this program needs Node.js 22.18 or later, and the first "node" on PATH is v${version}`,
  );
  expect(stdout).toContain("npm run pulumi -- preview -s STACK");
});

test("Node 22.18 gets as far as the program", async () => {
  const { stdout } = await under("22.18.0");
  expect(stdout).not.toContain("needs Node.js");
});
