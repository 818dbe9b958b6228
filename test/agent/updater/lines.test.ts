import { expect, test } from "vitest";
import { firstLines, ProgramFailed } from "../../../agent/updater/lines.ts";

const max = { lines: 100, bytes: 10_000, ms: 20_000 };
const sh = (script: string, over: Partial<typeof max> = {}) =>
  firstLines("sh", ["-c", script], { ...max, ...over });

test("all that a program prints, when it ends by itself", async () => {
  expect(await sh("echo one; printf 'two'")).toEqual({ lines: ["one", "two"], more: false });
  expect(await sh("true")).toEqual({ lines: [], more: false });
});

test("a program that prints without end is killed at the limit of lines, or of bytes", async () => {
  expect(await sh("exec yes", { lines: 3 })).toEqual({ lines: ["y", "y", "y"], more: true });
  const { lines, more } = await sh("exec yes 1234567890", { bytes: 45 });
  expect([lines.length, more]).toEqual([5, true]);
});

test("one that fails is an error with its last words and its code", async () => {
  const failed = await sh("echo no such cursor >&2; exit 3").catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(ProgramFailed);
  expect(failed).toMatchObject({ message: "sh: no such cursor", code: 3 });
});

test("one that says nothing is killed after its time", async () => {
  await expect(sh("exec sleep 60", { ms: 100 })).rejects.toThrow("sh: was killed, at the latest after 0.1 s");
});

test("one that is not there is an error", async () => {
  await expect(firstLines("/no/such/program", [], max)).rejects.toThrow(ProgramFailed);
});
