import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LocalStack } from "../../../tools/engine/local-stack.ts";
import { takeDown } from "../../../tools/start/down.ts";
import { countsOf } from "../../../tools/start/leftovers.ts";
import { nothingMade, type Context, type Made } from "../../../tools/start/made.ts";
import { readRecord, writeRecord } from "../../../tools/start/record.ts";
import { makeScreen } from "../../../tools/terminal/screen.ts";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "muster-down-"));
  await writeRecord(root, { simulator: null });
});
afterEach(() => rm(root, { recursive: true }));

const context = (): Context => ({
  root,
  options: { keep: false, json: false, github: null },
  screen: makeScreen({ write: () => true }),
  signal: new AbortController().signal,
});

/** A stack of which only the end is asked. */
const madeWith = (destroy: () => Promise<void>, given: Partial<Made> = {}): Made => ({
  ...nothingMade(),
  stack: { destroy, pulumi: () => Promise.resolve({ code: 0 }) } as unknown as LocalStack,
  up: true,
  ...given,
});

describe("the way down", () => {
  it("touches nothing where nothing was made, so that what stands from before is still known", async () => {
    const left = await takeDown(context(), nothingMade());
    expect(countsOf(left)).toEqual({ processes: 0, directories: 0, runners: 0, scaleSets: 0 });
    expect(await readRecord(root)).not.toBeNull();
  });

  it("destroys, and then asks GitHub what is left", async () => {
    const order: string[] = [];
    const standing = () => {
      order.push("asked");
      return Promise.resolve({ runners: [], scaleSets: ["muster-local-small"] });
    };
    const destroy = () => Promise.resolve(void order.push("destroyed"));
    const left = await takeDown(context(), madeWith(destroy, { standing }));
    expect(order).toEqual(["destroyed", "asked"]);
    expect(countsOf(left)).toMatchObject({ runners: 0, scaleSets: 1 });
    expect(await readRecord(root)).toBeNull();
  });

  it("cancels a run that was cut short before it drains", async () => {
    const order: string[] = [];
    const cancel = () => Promise.resolve(void order.push("cancelled"));
    const destroy = () => Promise.resolve(void order.push("destroyed"));
    const run = { id: 1, cancel } as unknown as NonNullable<Made["run"]>;
    await takeDown(context(), madeWith(destroy, { run }));
    expect(order).toEqual(["cancelled", "destroyed"]);
  });

  it("remembers a stack that could not be destroyed", async () => {
    const made = madeWith(() => Promise.reject(new Error("locked")));
    await expect(takeDown(context(), made)).rejects.toThrow("locked");
    expect(await readRecord(root)).not.toBeNull();
  });
});
