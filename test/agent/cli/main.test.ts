import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { main, type Command } from "../../../agent/cli/verbs.ts";
import { muster } from "./verbs/rig.ts";

type Inner = Command | (() => Promise<Command>);
const verbs = Object.entries(main.subCommands as Record<string, Inner>);

describe("muster", () => {
  it("shows every verb with what it does when nothing is asked", async () => {
    const { code, stdout } = await muster([]);
    expect(code).toBe(0);
    for (const [name] of verbs) expect(stdout).toMatch(new RegExp(`^  ${name} +\\w`, "m"));
  });

  it.each(verbs.map(([name]) => name))(
    "%s has a help that fits 80 columns, without an escape",
    async (name) => {
      const { code, stdout, stderr } = await muster([name, "--help"], { columns: 80 });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toContain(`npm run muster -- ${name}`);
      expect(stdout).not.toMatch(new RegExp(String.fromCodePoint(27)));
      expect(stdout.split("\n").filter((line) => line.length > 80 && !line.includes("/"))).toEqual([]);
    },
  );

  it.each([
    [["statu"], '"statu" is no verb of muster; did you mean status?'],
    [["local", "strt"], '"strt" is no verb of muster local; did you mean start?'],
    [["status", "--jsn"], "muster status has no option --jsn; did you mean --json?"],
    [["sweep", "--lst"], "muster sweep has no option --lst; did you mean --list?"],
    [["status", "--stack"], "muster status: --stack needs a value"],
    [["status", "here"], 'muster status does not take "here"'],
    [["--json"], "muster itself has no option --json: a verb comes first. Help: npm run muster -- --help"],
    [["local", "--json"], "muster local itself has no option --json"],
    [["jobs", "a", "b"], 'muster jobs does not take "b". Help: npm run muster -- jobs --help'],
  ])("%j is answered with what was probably meant, and exit code 1", async (args, said) => {
    const { code, stdout, stderr } = await muster(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`muster: ${said}`);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("ends quietly when who reads has seen enough", async () => {
    const main = join(import.meta.dirname, "../../../agent/cli/main.ts");
    const child = spawn(process.execPath, [main, "setup", "--help"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    expect(await Promise.all([text(child.stderr), once(child, "close")])).toEqual(["", [0, null]]);
  });

  it("says where a stack without a manager is to begin", async () => {
    const { code, stderr } = await muster(["status", "--directory", ""]);
    expect(code).toBe(1);
    expect(stderr).not.toContain("    at ");
  });
});
