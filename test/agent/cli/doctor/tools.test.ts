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

  it("without unshare or setpriv, or where the kernel refuses, namespaces are a warning", async () => {
    const none = await pathWith("setpriv");
    expect((await look(["namespaces"], { deps: { env: none } })).one("namespaces")).toMatchObject({
      level: "warning",
      cure: "install it: sudo apt-get install util-linux",
    });
    const refused = await look(["namespaces"], {
      deps: {
        run: () =>
          Promise.resolve({
            code: 1,
            stdout: "",
            stderr: "unshare: unshare failed: Operation not permitted\n",
          }),
      },
    });
    expect(refused.one("namespaces").level).toBe("warning");
    expect(refused.one("namespaces").found).toContain("Operation not permitted");
  });
});
