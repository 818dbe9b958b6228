// Goal: the runner comes into the bucket once, checked, and machines are sent there only once it is; whatever fails, they go to
// GitHub. Method: the real mirror with a bucket in memory, GitHub's answers by hand, files in a folder of the test.
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Bucket } from "../../../../agent/manager/mirror/bucket.ts";
import { makeMirror, mirrorLimits } from "../../../../agent/manager/mirror/mirror.ts";
import type { Archive } from "../../../../agent/protocol.ts";
import { type FakeClock, fakeClock, type LoggedDeps, quietDeps } from "../web/fake-deps.ts";

const content = "the runner ".repeat(10_000);
const sha256 = createHash("sha256").update(content).digest("hex");
const urls = ["https://a.example/runner", "https://b.example/runner"];
const archive: Archive = { version: "2.336.0", sha256, urls };
const key = `runner/${sha256}.tar.gz`;

let directory: string;
let clock: FakeClock;
let deps: LoggedDeps;
let objects: Map<string, string>;
let asked: string[];
let answers: Record<string, () => Promise<Response>>;
let bucket: Bucket;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "muster-mirror-"));
  clock = fakeClock();
  objects = new Map();
  asked = [];
  answers = Object.fromEntries(urls.map((url) => [url, async () => new Response(content)]));
  deps = {
    ...quietDeps(clock),
    fetch: (url) => {
      asked.push(url as string);
      return answers[url as string]!();
    },
  };
  bucket = {
    has: async (name) => objects.has(name),
    put: async (name, { path, bytes }) => {
      const text = readFileSync(path, "utf8");
      expect(text.length).toBe(bytes);
      objects.set(name, text);
    },
    link: async (name, seconds) => `https://bucket.example/${name}?for=${seconds}`,
  };
});
afterEach(() => rmSync(directory, { recursive: true }));

const mirror = (limits = mirrorLimits) =>
  makeMirror({ bucket: () => ({ bucket, prefix: "runner/" }), directory, deps, limits });
const link = `https://bucket.example/${key}?for=${mirrorLimits.linkSeconds}`;
const logged = (text: string) =>
  vi.waitFor(() => expect(deps.lines.join()).toContain(text), { timeout: 60_000, interval: 10 });
/** Whoever asks first does not wait for the copy. */
const first = async (own: ReturnType<typeof mirror>, of = archive) => {
  const places = own.places(of);
  await Promise.resolve();
  clock.advance(mirrorLimits.lookMs);
  return places;
};

test("machines go to GitHub until the runner is in the bucket, and then there; it is fetched once", async () => {
  const own = mirror();
  let let_go = () => {};
  const held = new Promise<void>((resolve) => (let_go = resolve));
  answers[urls[0]!] = async () => (await held, new Response(content));
  expect(await first(own)).toEqual([]);
  expect(await first(own)).toEqual([]);
  let_go();
  await logged("the runner is in the stack's bucket");
  expect(await own.places(archive)).toEqual([link]);
  expect(objects.get(key)).toBe(content);
  expect(asked).toEqual([urls[0]]);
  expect(readdirSync(join(directory, "mirror"))).toEqual([]);
});

test("what is there already is used at once, by every manager, and looked for again after an hour", async () => {
  objects.set(key, content);
  const own = mirror();
  expect(await own.places(archive)).toEqual([link]);
  objects.clear();
  expect(await own.places(archive)).toEqual([link]);
  clock.advance(mirrorLimits.believedMs);
  await first(own);
  await logged("the runner is in the stack's bucket");
  expect(objects.get(key)).toBe(content);
});

test("without a bucket nothing is fetched", async () => {
  const own = makeMirror({ bucket: () => null, directory, deps });
  expect(await own.places(archive)).toEqual([]);
  expect(asked).toEqual([]);
});

test("a place that does not answer is followed by the next one", async () => {
  answers[urls[0]!] = async () => new Response("gone", { status: 404 });
  await first(mirror());
  await logged("the runner is in the stack's bucket");
  expect(asked).toEqual(urls);
});

test.each<[string, () => Promise<Response>, string]>([
  ["another file", async () => new Response("something else"), "another SHA-256"],
  ["an error", async () => new Response("no", { status: 503 }), "answered with 503"],
  ["no answer", () => Promise.reject(new Error("no route")), "no route"],
  [
    "more than the disk can spare",
    async () => new Response("x", { headers: { "content-length": String(2 ** 50) } }),
    "no room",
  ],
])(
  "%s instead of the runner is never put there, and is tried again after ten minutes",
  async (_what, answer, why) => {
    for (const url of urls) answers[url] = answer;
    const own = mirror();
    await first(own);
    await logged(why);
    expect(objects.size).toBe(0);
    expect(await own.places(archive)).toEqual([]);
    expect(asked).toEqual(urls);
    expect(existsSync(join(directory, "mirror", `${sha256}.part`))).toBe(false);
    clock.advance(mirrorLimits.retryMs);
    for (const url of urls) answers[url] = async () => new Response(content);
    await first(own);
    await logged("the runner is in the stack's bucket");
  },
);

test("one that never ends is cut off at its limit", async () => {
  const endless = () =>
    new Response(new ReadableStream({ pull: (controller) => controller.enqueue(Buffer.alloc(1_000)) }));
  for (const url of urls) answers[url] = async () => endless();
  await first(mirror({ ...mirrorLimits, bytesMax: 50_000 }));
  await logged("more than 50000 bytes");
  expect(objects.size).toBe(0);
});

test("a bucket that refuses costs a line in the log, and no boot", async () => {
  bucket = { ...bucket, put: () => Promise.reject(new Error("S3 answers 403")) };
  const own = mirror();
  await first(own);
  await logged("S3 answers 403");
  expect(await own.places(archive)).toEqual([]);
  objects.set(key, content);
  clock.advance(mirrorLimits.retryMs);
  bucket = { ...bucket, link: () => Promise.reject(new Error("no credentials")) };
  expect(await own.places(archive)).toEqual([]);
});

test("a manager that stops leaves no copy under way", async () => {
  let begun = false;
  let aborted = false;
  deps.fetch = (_url, init) =>
    new Promise((_resolve, reject) => {
      begun = true;
      init!.signal!.addEventListener("abort", () => {
        aborted = true;
        reject(init!.signal!.reason as Error);
      });
    });
  const own = mirror();
  await first(own);
  await vi.waitFor(() => expect(begun).toBe(true), { timeout: 60_000, interval: 10 });
  own.stop();
  await vi.waitFor(() => expect(aborted).toBe(true), { timeout: 60_000 });
  expect(await own.places(archive)).toEqual([]);
});
