import { expect, test } from "vitest";
import { createLog } from "./worker/log.ts";
import { createMasker } from "./worker/mask.ts";

/** Pauses are over at once. */
const deps = {
  fetch,
  now: () => Date.UTC(2026, 0, 1),
  random: () => 0,
  sleep: (_ms: number, signal?: AbortSignal) => {
    signal?.throwIfAborted();
    return new Promise<void>((resolve) => setImmediate(resolve));
  },
};

test("lines have their times, lose their secrets, and all arrive in order", async () => {
  const sent: string[] = [];
  const log = createLog((lines) => Promise.resolve(void sent.push(lines)), createMasker(["s3cret"]), deps);
  log.write("one");
  log.write("two s3cret\nthree");
  log.error("four");
  await log.close();
  const time = "2026-01-01T00:00:00.0000000Z";
  expect(sent.join("")).toBe(`${time} one\n${time} two ***\n${time} three\n${time} ##[error]four\n`);
});

test("lines that GitHub does not take are sent again, in order and once", async () => {
  const sent: string[] = [];
  let refusals = 2;
  const send = (lines: string) =>
    (refusals -= 1) >= 0 ? Promise.reject(new Error("503")) : Promise.resolve(void sent.push(lines));
  const log = createLog(send, createMasker(), deps);
  log.write("one");
  log.write("two");
  await log.close();
  expect(sent.join("").match(/one|two/g)).toEqual(["one", "two"]);
});

test("a log that never arrives does not keep the job from ending", async () => {
  const log = createLog(() => Promise.reject(new Error("down")), createMasker(), deps);
  log.write("one");
  await log.close();
});

test("a secret of several lines is hidden line by line, the longest secret first", () => {
  const masker = createMasker(["abc", "abcdef"]);
  masker.add("first line\nsecond line\n");
  expect(masker.mask("abcdef abc / second line / first line")).toBe("*** *** / *** / ***");
  masker.add("");
  expect(masker.mask("plain")).toBe("plain");
});
