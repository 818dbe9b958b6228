import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import type { StepMessage } from "../wire.ts";
import { run, scripts, temporary } from "./job-harness.ts";
import { commonRoot, findFiles } from "./worker/actions/upload-artifact.ts";
import { unzip, zip } from "./worker/actions/zip.ts";

function write(root: string, files: Record<string, string>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
}

const git = (root: string, ...args: string[]) =>
  execFileSync("git", ["-C", root, "-c", "user.name=a", "-c", "user.email=a@b.example", ...args], {
    encoding: "utf8",
  }).trim();

/** A repository with a commit, a change, a new file, a deleted one, ignored ones, a link and an executable. */
function repository(): string {
  const root = temporary();
  write(root, {
    ".gitignore": "node_modules\n",
    "a.txt": "old",
    "gone.txt": "",
    "sub/b.txt": "b",
    "node_modules/x": "",
  });
  writeFileSync(join(root, "tool.sh"), "#!/bin/sh\n", { mode: 0o755 });
  symlinkSync("a.txt", join(root, "link"));
  git(root, "init", "-q", "-b", "main");
  git(root, "add", "-A");
  git(root, "commit", "-q", "-m", "first");
  write(root, { "a.txt": "new", "fresh file.txt": "f" });
  execFileSync("rm", [join(root, "gone.txt")]);
  return root;
}

const uses = (name: string, with_: Record<string, string> = {}): Partial<StepMessage> => ({
  action: { kind: "uses", uses: `actions/${name}@v5`, with: with_ },
});
const contexts = (source: string) => ({
  github: {
    repository: "acme/widgets",
    ref: "refs/heads/main",
    sha: "1".repeat(40),
    workspace_source: source,
  },
});
const workspaceOf = (root: string) => join(root, "_work/widgets/widgets");

test("checkout copies what git knows, as it lies there now, with history, and leaves ignored files behind", async () => {
  const source = repository();
  const root = temporary();
  write(workspaceOf(root), { "of-an-earlier-job": "" });
  const { steps, log } = await run(
    {
      contexts: contexts(source),
      steps: scripts({
        c: uses("checkout"),
        s: 'git status --short; git log -1 --format=%s; echo "at ${{ steps.c.outputs.commit }}"',
      }),
    },
    { root },
  );
  expect(steps).toEqual({ c: "succeeded", s: "succeeded" });
  const workspace = workspaceOf(root);
  expect(readdirSync(workspace).sort()).toEqual([
    ".git",
    ".gitignore",
    "a.txt",
    "fresh file.txt",
    "link",
    "sub",
    "tool.sh",
  ]);
  expect(readFileSync(join(workspace, "a.txt"), "utf8")).toBe("new");
  expect(lstatSync(join(workspace, "link")).isSymbolicLink()).toBe(true);
  expect(lstatSync(join(workspace, "tool.sh")).mode & 0o111).toBe(0o111);
  expect(log).toContain(' M a.txt\n D gone.txt\n?? "fresh file.txt"\nfirst');
  expect(log).toContain(`at ${git(source, "rev-parse", "HEAD")}`);
});

test("a step reaches what checkout leaves behind through github.workspace_source", async () => {
  const root = temporary();
  const link = "ln -s '${{ github.workspace_source }}/node_modules' node_modules";
  const steps = scripts({ c: uses("checkout"), l: link });
  await run({ contexts: contexts(repository()), steps }, { root });
  expect(existsSync(join(workspaceOf(root), "node_modules", "x"))).toBe(true);
});

test("checkout goes into `path`, and copies a directory without git too", async () => {
  const source = temporary();
  write(source, { "a.txt": "a", "node_modules/x": "" });
  const root = temporary();
  const { log } = await run(
    { contexts: contexts(source), steps: scripts({ c: uses("checkout", { path: "sub" }) }) },
    { root },
  );
  expect(readdirSync(join(workspaceOf(root), "sub"))).toEqual(["a.txt"]);
  expect(log).toContain("The source is no git repository");
});

test("checkout refuses another repository, another ref, and a simulator without a source", async () => {
  const steps = scripts({
    other: { ...uses("checkout", { repository: "acme/other" }), continueOnError: true },
    ref: { ...uses("checkout", { ref: "v1" }), continueOnError: true },
    same: uses("checkout", { repository: "acme/widgets", ref: "refs/heads/main" }),
  });
  const { log, result } = await run({ contexts: contexts(repository()), steps });
  expect(log).toContain("has only acme/widgets, not acme/other.");
  expect(log).toContain("not ref v1.");
  expect(result.conclusion).toBe("succeeded");
  const none = await run({ steps: scripts({ c: uses("checkout") }) });
  expect(none.log).toContain("started without a source directory");
});

test("setup-node and cache say that they are simulated; a cache never hits", async () => {
  const steps = scripts({
    n: uses("setup-node", { "node-version": "24" }),
    c: uses("cache", { key: "k-1", path: "x" }),
    see: 'echo "hit: ${{ steps.c.outputs.cache-hit }}"',
    must: { ...uses("cache", { key: "k-2", "fail-on-cache-miss": "true" }), continueOnError: true },
  });
  const { log, result } = await run({ steps });
  expect(log).toMatch(/setup-node is simulated \(asked for: 24\): nothing was installed; node is \//);
  expect(log).toContain("no entry for 'k-1'");
  expect(log).toContain("hit: false");
  expect(result.stepResults.at(-1)).toMatchObject({ outcome: "failed" });
});

test("zip files hold names and bytes, read by others and from others", () => {
  const entries = [
    { name: "a.txt", data: Buffer.from("a".repeat(1000)) },
    { name: "sub/ü.bin", data: Buffer.from([0, 255, 1]) },
    { name: "empty", data: Buffer.alloc(0) },
  ];
  const archive = zip(entries);
  expect(unzip(archive)).toEqual(entries);
  expect(archive.length).toBeLessThan(600);
  archive[40] = archive[40]! ^ 0xff;
  expect(() => unzip(archive)).toThrow();
  expect(() => unzip(Buffer.alloc(100))).toThrow("This is no zip file.");
});

test("names in an artifact are relative to the path, to the file's folder, or to what several paths share", () => {
  const root = temporary();
  write(root, { "out/a.js": "", "out/deep/b.js": "", "out/.hidden": "", "doc/c.md": "" });
  const find = (patterns: string[], hidden = false) => {
    const { files, root: base } = findFiles(root, patterns, hidden);
    return { base: base.slice(root.length), files: files.map((file) => file.slice(root.length)) };
  };
  expect(find(["out"])).toEqual({ base: "/out", files: ["/out/a.js", "/out/deep/b.js"] });
  expect(find(["out"], true).files).toContain("/out/.hidden");
  expect(find(["doc/c.md"])).toEqual({ base: "/doc", files: ["/doc/c.md"] });
  expect(find(["out/**/*.js", "!out/deep"])).toEqual({ base: "/out", files: ["/out/a.js"] });
  expect(find(["out", "doc/*.md"])).toEqual({
    base: "",
    files: ["/doc/c.md", "/out/a.js", "/out/deep/b.js"],
  });
  expect(find(["nothing"]).files).toEqual([]);
  expect(commonRoot(["/a/b/c", "/a/b", "/a/bc"])).toBe("/a");
});
