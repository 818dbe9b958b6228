import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  runnerUserData,
  runnerUserDataBytesMax,
  userDataBytesMax,
  type RunnerUserData,
} from "../../cloud-init/runner.ts";

const pem = (letter: string) =>
  `-----BEGIN CERTIFICATE-----\n${`${letter.repeat(64)}\n`.repeat(9)}-----END CERTIFICATE-----\n`;
const sample: RunnerUserData = {
  managers: ["https://10.64.0.10:8443"],
  ca: pem("A"),
  pool: "arm64",
  end: "power-off",
};
const proxy = { url: "http://proxy.acme.example:3128", noProxy: [".acme.example"] };

/** Path -> text of the files that the document writes. */
const filesOf = (document: string) => {
  const files = new Map<string, string>();
  let folder = "";
  for (const [, into, name, text] of document.matchAll(/^cd (\S+)$|^cat >(\S+) <<'~'\n([^]*?)^~$/gm))
    if (into) folder = into;
    else files.set(`${folder}/${name}`, text!);
  return files;
};

describe("the user data of a runner machine", () => {
  it("is a boothook for a POSIX shell, whatever it is given", () => {
    for (const more of [{}, { end: "clean-slot" as const }, { proxy, extraCa: pem("B") + pem("C") }]) {
      const document = runnerUserData({ ...sample, ...more });
      expect(document).toMatch(/^#cloud-boothook\n#!\/bin\/sh\n/);
      execFileSync("sh", ["-n"], { input: document });
    }
  });

  it("is the same for the same arguments, and speaks of no time", () => {
    expect(runnerUserData(sample)).toBe(runnerUserData({ ...sample }));
    expect(runnerUserData(sample)).not.toMatch(/20\d\d-\d\d-\d\d/);
  });

  it("knows no way to switch off a machine that stays", () => {
    expect(runnerUserData(sample)).toContain("poweroff");
    expect(runnerUserData({ ...sample, end: "clean-slot" })).not.toMatch(/power-?off|shutdown|sudoers/);
  });

  it("pins every CA that it is given, so that one can be exchanged", () => {
    const files = filesOf(runnerUserData({ ...sample, ca: `${pem("A")}\n${pem("B")}` }));
    expect(files.get("/etc/muster/ca.pem")).toBe(pem("A") + pem("B"));
    // curl of Debian and Ubuntu would go on to believe those in the system's folder.
    expect(runnerUserData(sample)).toContain("--cacert /etc/muster/ca.pem --capath $at/none ");
  });

  it("tells the machine of the proxy, in words of both shell and systemd, and lets jobs reach it", () => {
    const document = runnerUserData({ ...sample, proxy, reach: ["ghes.acme.example:443"] });
    expect(document).toContain("reach='proxy.acme.example:3128 ghes.acme.example:443'");
    const text = filesOf(document).get("/etc/muster/proxy.env")!;
    const read = execFileSync("sh", ["-c", 'eval "$(cat)"; echo "$HTTPS_PROXY $no_proxy"'], { input: text });
    expect(read.toString()).toBe(
      "http://proxy.acme.example:3128 localhost,127.0.0.1,169.254.169.254,10.64.0.10,.acme.example\n",
    );
  });

  it("gives each certificate of the organisation a file of its own, as update-ca-certificates wants it", () => {
    const files = filesOf(runnerUserData({ ...sample, extraCa: pem("B") + pem("C") }));
    expect(files.get("/usr/local/share/ca-certificates/muster-2.crt")).toBe(pem("C"));
  });

  it("refuses what would not stay where it was put", () => {
    const wrong: [Partial<RunnerUserData>, RegExp][] = [
      [{ managers: ["https://a:1' ; reboot '"] }, /managers: .* is not https:\/\/ADDRESS:PORT/],
      [{ managers: ["http://10.0.0.1:80"] }, /managers/],
      [{ pool: "a b" }, /pool/],
      [{ ca: "none" }, /ca: holds no PEM/],
      [{ reach: ["10.0.0.1"] }, /reach: "10.0.0.1" is not HOST:PORT/],
      [{ proxy: { url: "http://p:1", noProxy: ["'; reboot"] } }, /proxy: .* has a quote/],
    ];
    for (const [more, message] of wrong)
      expect(() => runnerUserData({ ...sample, ...more })).toThrow(message);
  });
});

describe("the size of the document", () => {
  it("leaves room for certificates of the organisation under the limit of EC2", () => {
    expect(Buffer.byteLength(runnerUserData(sample))).toBeLessThan(12 * 1024);
    expect(runnerUserDataBytesMax({ pool: "p".repeat(64), end: "power-off", proxy })).toBeLessThan(14 * 1024);
  });

  it("is foreseen before address and CA are known, and never less than it becomes", () => {
    const known = { ...sample, managers: ["https://10.64.0.10:8443", "https://203.0.113.250:8443"], proxy };
    const bytes = Buffer.byteLength(runnerUserData({ ...known, ca: pem("A") + pem("B") }));
    const most = runnerUserDataBytesMax(known);
    expect(most).toBeGreaterThanOrEqual(bytes);
    expect(most).toBeLessThan(bytes + 1024);
  });

  it("is refused over the limit, with what takes the room", () => {
    const extraCa = pem("B").repeat(20);
    expect(runnerUserDataBytesMax({ ...sample, extraCa })).toBeGreaterThan(userDataBytesMax);
    expect(() => runnerUserData({ ...sample, extraCa })).toThrow(/more than the 16384 of EC2; .*extraCa/);
  });
});

describe("the units", () => {
  const units = (end: RunnerUserData["end"]) =>
    new Map(
      [...filesOf(runnerUserData({ ...sample, end }))]
        .filter(([path]) => path.startsWith("/etc/systemd/system/"))
        .map(([path, text]) => [path.slice("/etc/systemd/system/".length), text]),
    );

  it("give the agent neither rights nor files of others, and the job what jobs need", () => {
    const all = units("power-off");
    const agent = all.get("muster-agent.service")!;
    for (const line of [
      "User=muster",
      "NoNewPrivileges=yes",
      "ProtectSystem=strict",
      "CapabilityBoundingSet=",
    ])
      expect(agent.split("\n")).toContain(line);
    // V8 compiles at run time.
    expect(agent).not.toContain("MemoryDenyWriteExecute");
    const job = all.get("muster-job.service")!;
    // What the agent writes is no environment of root's commands.
    expect(job).not.toContain("/run/muster/");
    expect(job).not.toMatch(/NoNewPrivileges|RestrictNamespaces|SystemCallFilter/);
    for (const line of ["User=runner", "KillMode=mixed", "EnvironmentFile=-/run/muster-job/env"])
      expect(job.split("\n")).toContain(line);
  });

  it("are ones that systemd reads without a complaint, and score as they should, where it is there to say so", () => {
    const folder = mkdtempSync(join(tmpdir(), "muster-units-"));
    try {
      const all = units("power-off");
      for (const [name, text] of all) {
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        // Programs that exist here: whether they do is the machine's affair.
        const runnable = text.replace(/^ExecStart=\/opt\/muster\S+/m, "ExecStart=/bin/sh");
        writeFileSync(join(folder, name), runnable);
      }
      const files = [...all.keys()].filter((name) => !name.includes("/")).map((name) => join(folder, name));
      expect(files).toHaveLength(7);
      const analyze = (...args: string[]) => spawnSync("systemd-analyze", args, { encoding: "utf8" });
      const verified = analyze("verify", "--man=no", ...files);
      if (verified.error) return;
      expect(verified.stderr.split("\n").filter((line) => line.includes("muster"))).toEqual([]);
      const scored = analyze("security", "--offline=yes", join(folder, "muster-agent.service"));
      const score = Number(/Overall exposure level[^:]*: ([\d.]+)/.exec(scored.stdout)?.[1]);
      expect(score).toBeLessThanOrEqual(2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
