import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { classifyLocal } from "../../../../agent/manager/backends/local/classify.ts";
import { makeConfine } from "../../../../agent/manager/backends/local/confinement.ts";
import type { Confinement } from "../../../../agent/confinement/kind.ts";
import type { System } from "../../../../agent/confinement/system.ts";
import { config } from "../worlds.ts";
import { deps } from "./local-rig.ts";

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "muster-confine-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const refused = ["a user namespace is not to be had (forbidden): allow it"];
/** Every path is a folder. */
const system: System = { kind: () => "folder", link: () => "", real: (path) => path, mounts: [] };

const make = (found: Confinement[], unconfined = false) => {
  const base = config();
  const manager = { ...base.manager, directory, socket: join(directory, "control.sock"), unconfined };
  const settings = {
    ...base,
    manager: { ...manager, readable: ["/checkout", tmpdir()], hidden: ["/checkout/.muster"] },
  };
  let asked = 0;
  const detect = () => Promise.resolve(found[Math.min(asked++, found.length - 1)]!);
  return {
    confine: makeConfine(
      () => settings,
      detect,
      deps,
      () => system,
    ),
    asked: () => asked,
  };
};

describe("what agents are told about confinement", () => {
  it("is the kind, what jobs may read, and what they never see; found out once", async () => {
    const { confine, asked } = make([{ kind: "own-uid", refused: [] }]);
    const order = await confine();
    expect(order?.kind).toBe("own-uid");
    const shown = order!.view.mounts.map(({ target, type }) => `${target} ${type}`);
    expect(shown).toContain("/checkout none");
    for (const hidden of [directory, "/checkout/.muster"]) expect(shown).toContain(`${hidden} tmpfs`);
    await confine();
    expect(asked()).toBe(1);
    const file = readFileSync(join(directory, "confinement.json"), "utf8");
    expect(JSON.parse(file)).toEqual({ kind: "own-uid", refused: [] });
  });

  it("is a refusal with the cure where nothing is to be had, until something is", async () => {
    const { confine } = make([
      { kind: "none", refused },
      { kind: "user-namespace", refused: [] },
    ]);
    const error = await confine().catch((error: unknown) => error);
    expect(classifyLocal(error, "local")).toMatchObject({
      reason: "denied",
      detail: expect.stringMatching(/not to be had \(forbidden\): allow it.*muster:trustJobs true/) as string,
    });
    expect(await confine()).toMatchObject({ kind: "user-namespace" });
  });

  it("is none where nothing is to be had and the settings permit it", async () => {
    expect(await make([{ kind: "none", refused }], true).confine()).toBeNull();
  });
});
