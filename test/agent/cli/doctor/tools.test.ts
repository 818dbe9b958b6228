import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { onPath } from "../../../../agent/cli/doctor/tools.ts";
import { look, temporary } from "./rig.ts";

const ids = ["npm", "git", "tar", "bash"] as const;

/** A PATH with only these of the real programs. */
const pathWith = async (...names: string[]): Promise<NodeJS.ProcessEnv> => {
  const bin = join(await temporary(), "bin");
  await mkdir(bin);
  for (const name of names) await symlink((await onPath(name, process.env))!, join(bin, name));
  return { ...process.env, PATH: bin };
};

describe("the doctor's look at programs", () => {
  it("finds those that are there, with version and place", async () => {
    const seen = await look([...ids, "node"], {});
    expect(seen.all.map(({ id, level }) => `${id} ${level}`)).toEqual([
      "node ok",
      "npm ok",
      "git ok",
      "tar ok",
      "bash ok",
    ]);
    expect(seen.one("tar").found).toMatch(/^\d+\.\d+.*\/tar$/);
  });

  it.each([
    ["npm", "warning"],
    ["git", "warning"],
    ["bash", "warning"],
    ["tar", "blocker"],
  ] as const)("%s hidden from PATH is a %s with the command that installs it", async (id, level) => {
    const env = await pathWith();
    const finding = (await look([id], { deps: { env } })).one(id);
    expect(finding).toMatchObject({ id, level });
    expect(finding.found).toContain(`${id} is not on PATH`);
    expect(finding.cure).toContain(`apt-get install ${id}`);
  });

  it("a program that does not run is named with its exit code", async () => {
    const env = await pathWith();
    await writeFile(join(env.PATH!, "git"), "#!/bin/sh\nexit 3\n");
    await chmod(join(env.PATH!, "git"), 0o755);
    expect((await look(["git"], { deps: { env: { PATH: `${env.PATH}:/bin` } } })).one("git").found).toContain(
      "exit code 3",
    );
  });

  it("a checkout without its packages' Node is a blocker", async () => {
    expect((await look(["node"], { deps: { root: await temporary() } })).one("node")).toMatchObject({
      level: "blocker",
      cure: "npm ci",
    });
  });

  it("says how jobs are kept apart, and warns with each better way's cure where they are not", async () => {
    const apart = { kind: "user-namespace" as const, refused: ["not root: start muster as root (sudo)"] };
    const fine = await look(["isolation"], { deps: { confinement: () => Promise.resolve(apart) } });
    expect(fine.one("isolation")).toMatchObject({ level: "ok" });
    const none = {
      kind: "none" as const,
      refused: [
        "not root: start muster as root (sudo)",
        "a user namespace is not to be had (EPERM): run as root (sudo)",
      ],
    };
    const seen = await look(["isolation"], { deps: { confinement: () => Promise.resolve(none) } });
    expect(seen.of("isolation").map(({ level, cure }) => `${level}: ${cure}`)).toEqual([
      "warning: start muster as root (sudo)",
      "warning: run as root (sudo)",
    ]);
  });

  it("tries the isolation of this computer for real", async () => {
    const seen = await look(["isolation"], {});
    expect(seen.of("isolation").length).toBeGreaterThan(0);
    expect(seen.of("isolation").every(({ level }) => level === "ok" || level === "warning")).toBe(true);
  });
});
