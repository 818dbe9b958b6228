import { chmod, cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkout } from "../../../../agent/cli/pulumi.ts";
import { look, temporary, type FakeStack } from "./rig.ts";

const good: FakeStack = {
  values: { github: { url: "http://127.0.0.1:9/acme" }, pools: { local: { max: 1 } } },
  secrets: { githubToken: "ghp_planted" },
};
const ids = ["pulumi-login", "stack", "passphrase", "settings"] as const;

describe("the doctor's look at the stack", () => {
  it("finds a good one in order", async () => {
    const seen = await look(ids, { pulumi: good });
    expect(seen.all.map(({ id, level }) => `${id} ${level}`)).toEqual(ids.map((id) => `${id} ok`));
    expect(seen.one("settings").found).toBe("one pool for http://127.0.0.1:9/acme");
  });

  it("without an engine warns with the command that gets one, and looks at nothing behind it", async () => {
    const empty = await temporary();
    const env = { ...process.env, PATH: empty, XDG_CACHE_HOME: empty };
    const seen = await look(["pulumi-engine", ...ids], { pulumi: good, deps: { env } });
    expect(seen.one("pulumi-engine").level).toBe("warning");
    expect(seen.one("pulumi-engine").cure).toContain("npm run pulumi -- version");
    expect(seen.one("settings")).toMatchObject({
      level: "skipped",
      found: "not looked at: there is no Pulumi engine",
    });
  });

  it("a login that is missing is a blocker for every stack but local", async () => {
    const pulumi = {
      ...good,
      loginError: "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions",
    };
    expect((await look(["pulumi-login"], { pulumi })).one("pulumi-login")).toMatchObject({
      level: "blocker",
      cure: "npm run pulumi -- login",
    });
    expect((await look(["pulumi-login"], { stack: "local", pulumi })).one("pulumi-login").level).toBe("ok");
  });

  it("a stack that is not there is a blocker with the commands that make it", async () => {
    const seen = await look(["stack"], { pulumi: { configError: "error: no stack named 'dev' found" } });
    expect(seen.one("stack").level).toBe("blocker");
    expect(seen.one("stack").cure).toContain("npm run pulumi -- stack init dev");
  });

  it("a passphrase that does not fit is a blocker, and the secret is not needed for the settings", async () => {
    const seen = await look(ids, { pulumi: { ...good, secrets: { githubToken: null } } });
    expect(seen.one("passphrase")).toMatchObject({ level: "blocker" });
    expect(seen.one("passphrase").found).toContain(
      "muster:githubToken cannot be decrypted: error: incorrect passphrase",
    );
    expect(seen.one("passphrase").cure).toContain("PULUMI_CONFIG_PASSPHRASE_FILE");
    expect(seen.one("settings").level).toBe("ok");
  });

  it("names every wrong setting at once, each with a command", async () => {
    const values = {
      github: { url: "http://127.0.0.1:9/acme" },
      pools: { local: { max: -1 }, other: { maxx: 2 } },
      budgett: 5,
    };
    const seen = await look(["settings"], { pulumi: { values } });
    const found = seen.of("settings");
    expect(found.length).toBeGreaterThanOrEqual(4);
    expect(
      found.every(({ level, cure }) => level === "blocker" && cure.startsWith("npm run pulumi -- config")),
    ).toBe(true);
    expect(found.map(({ found }) => found).join("\n")).toMatch(/budgett[^]*pools\.local\.max[^]*maxx/);
    expect(found.find(({ found }) => found.startsWith("muster:githubToken"))).toMatchObject({
      cure: "npm run pulumi -- config set --secret muster:githubToken -s dev (or: npm run muster -- setup -s dev)",
    });
  });

  it("the passphrase of the stack local: gone is a blocker, readable by others a warning", async () => {
    const root = await temporary();
    const stacks = join(root, ".muster/backend/.pulumi/stacks/muster");
    await mkdir(stacks, { recursive: true });
    await writeFile(join(stacks, "local.json"), "{}");
    await mkdir(join(root, "tools"));
    await writeFile(
      join(root, "tools/look.ts"),
      'console.log(JSON.stringify({version:"3.259.0",source:"path",command:"real",directory:"/bin"}))',
    );
    const options = { stack: "local", pulumi: good, deps: { root } };
    const gone = (await look(["passphrase"], options)).one("passphrase");
    expect(gone.level).toBe("blocker");
    expect(gone.found).toContain("is gone, and with it the secrets");
    await writeFile(join(root, ".muster/passphrase"), "x\n");
    await chmod(join(root, ".muster/passphrase"), 0o644);
    const open = (await look(["passphrase"], options)).one("passphrase");
    expect(open).toMatchObject({ level: "warning", cure: `chmod 600 ${join(root, ".muster/passphrase")}` });
    await chmod(join(root, ".muster/passphrase"), 0o600);
    expect((await look(["passphrase"], options)).one("passphrase")).toMatchObject({ level: "ok" });
  });

  it("of a manager at AWS nothing is said that is about one on this computer", async () => {
    const values = {
      github: { url: "https://github.com/acme/widgets" },
      manager: { on: "aws" },
      aws: { region: "eu-central-1" },
      pools: {
        arm64: { labels: ["self-hosted", "dev"], max: 2, backends: [{ aws: { types: ["c7g.2xlarge"] } }] },
      },
    };
    const options = { pulumi: { values, secrets: { githubToken: "t" } } };
    const seen = await look(
      ["settings", "supervisor", "manager", "journal", "leftovers", "port", "folder", "capacity"],
      options,
    );
    expect(seen.all.map(({ id, level }) => `${id} ${level}`)).toEqual(["settings ok"]);
  });

  it("a stack at AWS whose settings are wrong is not taken for one on this computer", async () => {
    const values = { github: { url: "https://github.com/acme/widgets" }, manager: { on: "aws" }, poolz: {} };
    const local = ["isolation", "port", "folder", "capacity"] as const;
    const seen = await look(["settings", "github-login", ...local], { pulumi: { values } });
    expect(seen.of("settings").every(({ level }) => level === "blocker")).toBe(true);
    for (const id of local) expect(seen.of(id)).toEqual([]);
    expect(seen.one("github-login").found).toBe("not looked at: the settings are wrong");
  });

  it("a fresh checkout gives lines with cures, makes nothing, and no stack trace", async () => {
    const root = await temporary();
    await cp(join(checkout, "Pulumi.yaml"), join(root, "Pulumi.yaml"));
    const seen = await look(["stack", "settings", "github-login", "clock", "port", "manager", "folder"], {
      stack: "local",
      deps: { root },
    });
    expect(seen.one("stack")).toMatchObject({ level: "blocker", found: "the stack local is not made yet" });
    expect(seen.one("folder")).toMatchObject({ level: "ok" });
    expect(seen.one("manager")).toMatchObject({
      level: "skipped",
      found: "not looked at: no manager was started yet",
    });
    expect(JSON.stringify(seen.all)).not.toMatch(/\bat .*\.ts:\d/);
  });
});
