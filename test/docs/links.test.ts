import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const pages = ["README.md", "agent/README.md", ...globSync(["docs/*.md", "examples/**/*.md"], { cwd: root })];
const read = (page: string) => readFileSync(join(root, page), "utf8");

/** As GitHub makes anchors of headings. */
const anchors = (text: string) =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );

const problemOf = (page: string, link: string): string | null => {
  const [path, anchor] = link.split("#");
  const target = path === "" ? join(root, page) : join(root, dirname(page), path!);
  if (!existsSync(target)) return `${link}: no such file`;
  if (anchor === undefined || anchors(readFileSync(target, "utf8")).includes(anchor)) return null;
  return `${link}: no such heading in ${relative(root, target)}`;
};

describe("the documentation", () => {
  it.each(pages)("%s links only to what exists", (page) => {
    const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
    const local = links.filter((link) => !/^https?:/.test(link));
    expect(local.map((link) => problemOf(page, link)).filter((problem) => problem !== null)).toEqual([]);
  });

  it.each(pages)("%s names only scripts that package.json has", (page) => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const named = [...read(page).matchAll(/npm run (?:-s )?([\w-]+)/g)].map(([, name]) => name!);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  it("has the two commands of a newcomer at the top of the README", () => {
    const top = read("README.md").split("\n").slice(0, 15).join("\n");
    expect(top).toMatch(/^npm ci && npm start\b/m);
    expect(top).toMatch(/^npm ci && npm test\b/m);
  });
});
