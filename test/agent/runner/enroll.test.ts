import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { Rig } from "./agents.ts";

let rig: Rig;
afterEach(() => rig.close());

test("a machine without a document shows its token", async () => {
  rig = await Rig.make();
  rig.start();
  await rig.manager.phase("ready");
  expect(rig.manager.enrolments).toMatchObject([{ token: "one-time-token-of-this-machine" }]);
  expect(rig.manager.enrolments[0]).not.toHaveProperty("document");
});

test("a machine of a cloud shows what its cloud signed, and no token", async () => {
  rig = await Rig.make();
  const document = join(rig.folder, "identity");
  writeFileSync(document, "MIAGCSqG\nSIb3\n");
  rig.launch = { token: "", document };
  rig.start();
  await rig.manager.phase("ready");
  expect(rig.manager.enrolments).toMatchObject([{ document: "MIAGCSqG\nSIb3\n" }]);
  expect(rig.manager.enrolments[0]).not.toHaveProperty("token");
});

test("told to come again it does, and enrols", async () => {
  rig = await Rig.make();
  const again = {
    status: 503,
    body: { error: "busy", message: "not known yet" },
    headers: { "retry-after": "1" },
  };
  rig.manager.refuse.enroll.push(again);
  rig.start("exit", { retryAfterMaxMs: 20 });
  await rig.manager.phase("ready");
  expect(rig.manager.enrolments).toHaveLength(2);
});

test("a document that is not there ends the agent: nobody would believe it", async () => {
  rig = await Rig.make();
  rig.launch = { token: "", document: join(rig.folder, "identity") };
  rmSync(join(rig.folder, "identity"), { force: true });
  expect(await rig.start().exitCode).toBe(1);
  expect(rig.manager.enrolments).toEqual([]);
});
