/** What people copy from the pages can be typed, or parsed. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { main } from "../../agent/cli/verbs.ts";

const root = join(import.meta.dirname, "../..");
const pages = ["README.md", "docs/aws.md", "docs/leaving.md", "docs/setup.md", "docs/ci.md"];
const blocks = (page: string, language: string) =>
  [...readFileSync(join(root, page), "utf8").matchAll(/^```(\w*)\n([^]*?)^```$/gm)]
    .filter(([, tongue]) => tongue === language)
    .map(([, , text]) => text!);

/** Commands of Pulumi that the pages may name. */
const pulumiCommands = ["login", "stack", "preview", "up", "destroy", "config", "cancel"];

describe.each(pages)("%s", (page) => {
  it("has shell blocks that a shell reads", () => {
    const shell = blocks(page, "sh");
    expect(shell.length).toBeGreaterThan(0);
    for (const block of shell) execFileSync("sh", ["-n"], { input: block });
  });

  it("names only verbs of muster and commands of Pulumi that there are", () => {
    const text = readFileSync(join(root, page), "utf8");
    const muster = [...text.matchAll(/npm run muster -- (\w+)/g)].map(([, verb]) => verb!);
    expect(muster.filter((verb) => !(verb in (main.subCommands as object)))).toEqual([]);
    const pulumi = [...text.matchAll(/npm run pulumi -- (\w+)/g)].map(([, command]) => command!);
    expect(muster.length + pulumi.length).toBeGreaterThan(0);
    expect(pulumi.filter((command) => !pulumiCommands.includes(command))).toEqual([]);
  });
});

it("the lines for workflows are labels of pools that there are", () => {
  const pools = ["dev", "prod"].flatMap((stack) => {
    const file = parse(readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8")) as {
      config: { "muster:pools": Record<string, { labels: string[] }> };
    };
    return Object.values(file.config["muster:pools"]).map(({ labels }) => labels.join());
  });
  const given = [...pools, "self-hosted,linux,X64"];
  const lines = blocks("README.md", "yaml").map((block) => parse(block) as Record<string, unknown>);
  expect(lines.length).toBeGreaterThan(1);
  for (const line of lines) expect(given).toContain((line["runs-on"] as string[]).join());
});
