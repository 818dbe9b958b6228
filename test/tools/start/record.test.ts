import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRecord, removeRecord, writeRecord } from "../../../tools/start/record.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "muster-record-"));
});
afterAll(() => rm(root, { recursive: true }));

describe("the record of what npm start made", () => {
  it("is there from its writing to its removal", async () => {
    const simulator = { process: { pid: 4_711, startTime: 99 } };
    expect(await readRecord(root)).toBeNull();
    await writeRecord(root, { simulator });
    expect(await readRecord(root)).toEqual({ simulator });
    expect(await readdir(join(root, ".muster"))).toEqual(["start.json"]);
    await removeRecord(root);
    expect(await readRecord(root)).toBeNull();
    await removeRecord(root);
  });

  it("still says that something stands when it is torn", async () => {
    await writeRecord(root, { simulator: null });
    await writeFile(join(root, ".muster/start.json"), '{"simul');
    expect(await readRecord(root)).toEqual({ simulator: null });
  });
});
