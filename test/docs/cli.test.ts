import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkOptions, checkVerb, type Args } from "../../agent/cli/unknown.ts";
import { main, type Command } from "../../agent/cli/verbs.ts";
import { reasons } from "../../agent/manager/world.ts";

type Inner = Command | (() => Promise<Command>);
const root = join(import.meta.dirname, "../..");
const text = readFileSync(join(root, "docs/cli.md"), "utf8");
const verbs = main.subCommands as Record<string, Inner>;
const everywhere = ["README.md", "docs/cli.md", "docs/local.md", "docs/doctor.md"].flatMap((page) => {
  const lines = page === "docs/cli.md" ? text : readFileSync(join(root, page), "utf8");
  return [...lines.matchAll(/npm run muster -- ([^`#\n]+)/g)].map(([, words]) => `${page}: ${words!.trim()}`);
});

describe("docs/cli.md", () => {
  it("has a section for every verb that has no page of its own, and none for what is no verb", () => {
    const sections = [...text.matchAll(/^## (\S+)$/gm)].map(([, name]) => name!);
    const names = Object.keys(verbs);
    const alone = names.filter((name) => !existsSync(join(root, `docs/${name}.md`)));
    expect(alone.filter((name) => !sections.includes(name))).toEqual([]);
    expect(sections.filter((name) => !names.includes(name))).toEqual([]);
  });

  it("points at paragraphs of reasons.md that exist", () => {
    const named = [...text.matchAll(/reasons\.md#([a-z-]+)/g)].map(([, anchor]) => anchor!);
    const known: string[] = [...reasons, "max"];
    expect(named.filter((anchor) => !known.includes(anchor))).toEqual([]);
  });
});

describe("the documented commands", () => {
  it.each(everywhere.filter((line) => !/: (VERB|jobs\|)/.test(line)))(
    "%s is one that the CLI takes",
    async (line) => {
      let words = line
        .slice(line.indexOf(": ") + 2)
        .replace(/[.;,)"]+$/, "")
        .split(/\s+/);
      words = words.slice(0, words.findIndex((word) => !/^[\w.:/-]+$/.test(word)) >>> 0);
      let command: Command = main;
      while (command.subCommands && words.length > 0) {
        const inner = command.subCommands as Record<string, Inner>;
        checkVerb(words[0]!, Object.keys(inner), "muster");
        const found: Inner = inner[words.shift()!]!;
        command = typeof found === "function" ? await found() : found;
      }
      checkOptions(words, (command.args ?? {}) as Args, line);
      expect(command.meta).toBeDefined();
    },
  );
});
