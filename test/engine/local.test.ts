/** The local stack on the real engine, with a manager that only keeps the daemon's contract. */
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "./project.ts";
import { filesBelow, gone, kill, makeEngineRig, token, type EngineRig } from "./rig.ts";

let rig: EngineRig;
const fresh = () => {
  beforeAll(async () => void (rig = await makeEngineRig()));
  afterAll(() => rig.remove());
};
const healthz = async () =>
  (await fetch(`${(await rig.stack.outputs()).address}/healthz`)).json() as Promise<{
    ok: boolean;
    pid: number;
  }>;
const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

describe("from nothing to nothing", () => {
  fresh();

  test("preview makes nothing but bundles", async () => {
    expect((await rig.stack.preview()).changes).toEqual({ create: 6 });
    expect(await exists(rig.paths.directory)).toBe(false);
  });

  test("up starts the manager and says where it is; then preview finds no change", async () => {
    const { directory } = rig.paths;
    const address = `http://127.0.0.1:${rig.project.port}`;
    const runsOn = expect.stringMatching(/^runs-on: \[self-hosted, linux, /) as string;
    expect(await rig.stack.up()).toMatchObject({ address, directory, pools: { local: runsOn } });
    expect((await healthz()).pid).toBe((await rig.pids()).manager);
    expect((await rig.stack.preview()).changes).toEqual({ same: 6 });
  });

  test("a changed max is an update of one resource and goes live in the same manager", async () => {
    const before = await rig.pids();
    await rig.stack.setConfig({ pools: { local: { max: 9 } } });
    const change = await rig.stack.preview();
    expect(change.changes).toEqual({ same: 5, update: 1 });
    expect(change.steps["runners-local-manager"]).toBe("update");
    await rig.stack.up();
    expect(await rig.pids()).toEqual(before);
    expect((await rig.events()).findLast(({ event }) => event === "reload")!.pools!.local!.max).toBe(9);
  });

  test("destroy drains, stops, clears up at GitHub and leaves no process and no folder", async () => {
    const { supervisor, manager } = await rig.pids();
    await rig.stack.destroy();
    expect((await rig.events()).slice(-3).map(({ event }) => event)).toEqual(["drain", "stop", "forget"]);
    expect([gone(supervisor), gone(manager)]).toEqual([true, true]);
    expect(await exists(rig.paths.directory)).toBe(false);
  });

  test("the checkout got nothing but .muster and Pulumi.local.yaml, which git ignores", async () => {
    const checkout = join(import.meta.dirname, "../..");
    const before = await readdir(checkout);
    const made = (await readdir(rig.project.root)).filter((name) => !before.includes(name));
    expect(made.filter((name) => name !== ".muster" && name !== "Pulumi.local.yaml")).toEqual([]);
    const ignored = (await readFile(join(checkout, ".gitignore"), "utf8")).split("\n");
    expect(ignored).toEqual(expect.arrayContaining([".muster/", "Pulumi.local.yaml"]));
  });
});

describe("a stack that is up", () => {
  fresh();
  const shown: string[] = [];
  beforeAll(async () => {
    process.env.AWS_SECRET_ACCESS_KEY = "planted-credential";
    await rig.stack.up((line) => void shown.push(line));
    delete process.env.AWS_SECRET_ACCESS_KEY;
  });

  test("the token is in no output, no state and no file", async () => {
    expect(shown.join("\n")).not.toContain(token);
    expect((await rig.stack.pulumi(["stack", "export"])).stdout).not.toContain(token);
    expect(JSON.stringify(await rig.stack.outputs())).not.toMatch(/secret/i);
    const files = await filesBelow(join(rig.project.root, ".muster"));
    expect([...files].filter(([, text]) => text.includes(token)).map(([file]) => file)).toEqual([]);
  });

  test("the daemon has no secret in its environment or arguments", async () => {
    const passphrase = await readFile(rig.stack.env.PULUMI_CONFIG_PASSPHRASE_FILE!, "utf8");
    for (const pid of Object.values(await rig.pids())) {
      const environ = await readFile(`/proc/${pid}/environ`, "utf8");
      for (const planted of [token, "planted-credential", passphrase.trim(), "PULUMI_"])
        expect(environ).not.toContain(planted);
      expect(await readFile(`/proc/${pid}/cmdline`, "utf8")).not.toContain(token);
    }
  });

  test("a killed daemon is no change to Pulumi, and the next up starts it again", async () => {
    const old = await rig.pids();
    await kill(old.supervisor, old.manager);
    expect((await rig.stack.preview()).changes).toEqual({ same: 6 });
    await rig.stack.up();
    expect(rig.said).toContain("the manager was gone although Pulumi saw no change: starting it again");
    expect((await healthz()).ok).toBe(true);
  });

  test("a killed daemon gets its secrets back also when a setting changed meanwhile", async () => {
    const old = await rig.pids();
    await kill(old.supervisor, old.manager);
    await rig.stack.setConfig({ pools: { local: { max: 3 } } });
    await rig.stack.up();
    expect((await healthz()).ok).toBe(true);
  });

  test("another port drains the old manager before the new one starts", async () => {
    const old = await rig.pids();
    const port = await freePort();
    await rig.stack.setConfig({ manager: { port } });
    await rig.stack.up();
    expect(gone(old.manager)).toBe(true);
    const events = (await rig.events()).map(({ event }) => event);
    expect(events.slice(-5)).toEqual(["drain", "stop", "start", "undrain", "undrain"]);
    expect(await healthz()).toMatchObject({ ok: true });
    expect((await rig.stack.outputs()).address).toContain(String(port));
  });

  test("destroy succeeds when supervisor and manager were killed and their folder removed by hand", async () => {
    const { supervisor, manager } = await rig.pids();
    await kill(supervisor, manager);
    await rm(rig.paths.directory, { recursive: true });
    await rig.stack.destroy();
  });
});

describe("what goes wrong", () => {
  fresh();

  test("wrong settings are all named before anything is made", async () => {
    const wrong = { pools: { a: { maks: 1 }, b: { max: -1 } }, trustJobs: "maybe" };
    await rig.stack.setConfig(wrong);
    const { code, stdout, stderr } = await rig.stack.pulumi(["up", "--yes", "--skip-preview"]);
    expect(code).not.toBe(0);
    const text = stdout + stderr;
    expect(text).toContain("muster:pools.a.maks: not a setting; did you mean max?");
    expect(text).toContain("muster:pools.b.max = -1");
    expect(text).toContain("muster:trustJobs");
    expect(text).not.toContain("infra/settings.ts");
    expect(await exists(rig.paths.directory)).toBe(false);
    await rig.stack.setConfig({ pools: undefined, trustJobs: undefined });
  });

  test("a first up that failed shows the end of the log, and the next one cures it", async () => {
    await writeFile(`${rig.paths.directory}.broken`, "");
    await expect(rig.stack.up()).rejects.toThrow(/did not come up: it ended 3 times[^]*broken on purpose/);
    await rm(`${rig.paths.directory}.broken`);
    await rig.stack.up();
    expect((await healthz()).ok).toBe(true);
  });

  test("destroy with supervisor and manager killed clears up at GitHub and leaves nothing", async () => {
    const { supervisor, manager } = await rig.pids();
    await kill(supervisor, manager);
    await rig.stack.destroy();
    expect((await rig.events()).at(-1)!.event).toBe("forget");
    expect(await exists(rig.paths.directory)).toBe(false);
  });
});
