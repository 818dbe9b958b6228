/** The rendered document on a machine, against a manager over TLS. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod/mini";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { bootManifest, bootPhases, type BootFile } from "../../../agent/boot-manifest.ts";
import { launchFile } from "../../../agent/protocol.ts";
import { runnerUserData, type MachineEnd } from "../../../cloud-init/runner.ts";
import { makeCertificates, type Certificates } from "../../certificates/certificates.ts";
import { makeStackIdentity } from "../../certificates/generations.ts";
import { type Metadata, startMetadata } from "../../clouds/metadata/metadata.ts";
import { machineId, makeMachine, type Machine } from "./machine.ts";
import { sha256, startBootManager, type BootManager } from "./manager.ts";

const agent = "console.log('the agent');\n";
const arch = process.arch === "arm64" ? "arm64" : "x64";
const manifestPath = "/boot/v1/manifest";
const asked = `GET ${manifestPath}?arch=${arch}&pool=arm64`;

/** A runner as GitHub packs it, but for its size. */
const makeArchive = (): Buffer => {
  const folder = mkdtempSync(join(tmpdir(), "muster-archive-"));
  try {
    for (const [path, text] of Object.entries({
      "externals/node24/bin/node": "#!/bin/sh\n",
      "bin/Runner.Listener": "#!/bin/sh\n",
    })) {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), text, { mode: 0o755 });
    }
    return execFileSync("tar", ["-czf", "-", "-C", folder, "."]);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

let stack: Certificates;
let foreign: Certificates;
let archive: Buffer;
let machine: Machine;
let manager: BootManager;
let metadata: Metadata;
/** Somewhere else in the world, with a certificate that the system trusts. */
let elsewhere: BootManager;

beforeAll(async () => {
  [stack, foreign] = await Promise.all([makeCertificates("stack"), makeCertificates("foreign")]);
  archive = makeArchive();
});
beforeEach(async () => {
  [manager, elsewhere] = await Promise.all([startBootManager(stack), startBootManager(foreign)]);
  metadata = await startMetadata("MIAGCSqG\nSIb3");
  machine = makeMachine({ CURL_CA_BUNDLE: "/etc/system-ca.pem" }, metadata.url);
  machine.write("etc/system-ca.pem", foreign.ca);
  elsewhere.files.set("/runner.tar.gz", archive);
  manager.files.set("/boot/v1/files/agent.mjs", agent);
  offer({});
});
afterEach(async () => {
  machine.remove();
  await Promise.all([manager.close(), elsewhere.close(), metadata.close()]);
});

const offer = (places: { runner?: string[]; agent?: string[] }) => {
  const runner = places.runner ?? [`${elsewhere.url}/runner.tar.gz?X-Amz-Signature=0123`];
  const files: BootFile[] = [
    { name: "agent.mjs", sha256: sha256(agent), places: places.agent ?? ["/boot/v1/files/agent.mjs"] },
    { name: "runner.tar.gz", sha256: sha256(archive), places: runner },
  ];
  manager.files.set(manifestPath, bootManifest(files));
};
/** In the folder of certificates where OpenSSL looks, under the name that it looks for: SHA-1 of the subject in its own form. */
const plantInSystem = (commonName: string, pem: string) => {
  const wrap = (tag: number, ...parts: Buffer[]) => {
    const body = Buffer.concat(parts);
    return Buffer.concat([Buffer.from([tag, body.length]), body]);
  };
  const [set, sequence, utf8] = [0x31, 0x30, 0x0c];
  const cn = Buffer.from("0603550403", "hex");
  const name = wrap(set, wrap(sequence, cn, wrap(utf8, Buffer.from(commonName))));
  const hash = createHash("sha1").update(name).digest().readUInt32LE(0).toString(16).padStart(8, "0");
  machine.write(`etc/ssl/certs/${hash}.0`, pem);
};
const document = (end: MachineEnd, managers = [manager.url], ca = stack.ca) =>
  runnerUserData({ managers, ca, pool: "arm64", end });
const started = (end: MachineEnd) =>
  end === "power-off"
    ? "systemctl start --no-block muster-job.path muster-job-stop.path muster-power-off.path muster-agent.service"
    : "systemctl start --no-block muster-job.path muster-job-stop.path muster-agent.service";
const runnerFolder = () => `opt/muster/runners/${sha256(archive)}`;

describe("the first boot", () => {
  it.each(["power-off", "clean-slot"] as const)("fetches, checks and starts the agent (%s)", async (end) => {
    await machine.boot(document(end));
    expect(machine.read("opt/muster/agent.mjs")).toBe(agent);
    expect(machine.read(`${runnerFolder()}/bin/Runner.Listener`)).toBe("#!/bin/sh\n");
    const calls = machine.calls();
    expect(calls.at(-1)).toBe(started(end));
    expect(calls.filter((call) => call.startsWith("useradd"))).toEqual([
      expect.stringMatching(/ muster$/),
      expect.stringMatching(/ runner$/),
    ]);
    // Jobs come after the rules.
    expect(calls.findIndex((call) => call.startsWith("nft -f"))).toBeLessThan(calls.length - 1);
    expect(manager.requests[0]).toBe(asked);
    expect(manager.reports).toEqual([]);
  });

  it("leaves the agent what it needs to introduce itself, and no secret", async () => {
    await machine.boot(document("power-off"));
    const launch = z.parse(launchFile, JSON.parse(machine.read("etc/muster/launch.json")));
    expect(launch).toMatchObject({ machine: machineId, pool: "arm64", token: "", end: "power-off" });
    expect(machine.read("etc/muster/ca.pem")).toBe(stack.ca);
  });

  it("gives the agent alone what its cloud signed, and jobs no way to ask for it", async () => {
    await machine.boot(document("power-off"));
    const { document: path } = z.parse(launchFile, JSON.parse(machine.read("etc/muster/launch.json")));
    expect(machine.read(path!.slice(1))).toBe("MIAGCSqG\nSIb3");
    expect(machine.mode(path!.slice(1))).toBe(0o600);
    expect(metadata.requests).toEqual([
      "PUT /latest/api/token",
      "GET /latest/dynamic/instance-identity/rsa2048",
    ]);
    const calls = machine.calls();
    const given = calls.indexOf("chown muster: /run/muster-boot/identity");
    expect(given).toBeGreaterThan(-1);
    // The rules reject the metadata's address for everybody but the agent.
    expect(calls.findIndex((call) => call.startsWith("nft -f"))).toBeGreaterThan(given);
  });

  it("returns to cloud-init before anything is fetched: the boot goes on as a unit of its own", async () => {
    await machine.boot(document("clean-slot"));
    expect(machine.calls()[0]).toBe(
      "systemd-run --no-block --unit=muster-boot --property=DefaultDependencies=no " +
        `/bin/sh /opt/muster/boot go ${machineId}`,
    );
  });

  it("takes the rules of the firewall from managers and resolvers", async () => {
    await machine.boot(document("power-off", [manager.url, "https://10.64.0.10:8443"]));
    const rules = machine.read("run/muster-boot/nft");
    for (const element of ["managers4 { 127.0.0.1 }", "managers4 { 10.64.0.10 }", "resolvers4 { 10.64.0.2 }"])
      expect(rules).toContain(`add element inet muster ${element}`);
    expect(rules).not.toContain("127.0.0.53");
  });

  it("lets jobs ask the metadata of machines with an instance profile, and of no others", async () => {
    const data = { managers: [manager.url], ca: stack.ca, pool: "arm64", end: "power-off" as const };
    const allowed = "add element inet muster reach4 { 169.254.169.254 . 80 }";
    await machine.boot(runnerUserData(data));
    expect(machine.read("run/muster-boot/nft")).not.toContain(allowed);
    machine.remove();
    machine = makeMachine({ CURL_CA_BUNDLE: "/etc/system-ca.pem" }, metadata.url);
    machine.write("etc/system-ca.pem", foreign.ca);
    await machine.boot(runnerUserData({ ...data, reach: ["169.254.169.254:80"] }));
    const rules = machine.read("run/muster-boot/nft");
    expect(rules).toContain(allowed);
    // The first that fits decides: the manager before all, then what is allowed, then everything private.
    const places = ["@managers4 reject", ". tcp dport @reach4 accept", "169.254.0.0/16"].map((rule) =>
      rules.indexOf(rule),
    );
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);
  });

  it("asks the next manager when one does not answer, and the next place when one has other bytes", async () => {
    const broken = await startBootManager(stack);
    broken.files.set(manifestPath, 403);
    elsewhere.files.set("/wrong.tar.gz", "something else");
    const places = ["missing", "wrong", "runner"].map((name) => `${elsewhere.url}/${name}.tar.gz`);
    offer({ runner: places });
    await machine.boot(document("power-off", ["https://127.0.0.1:1", broken.url, manager.url]));
    await broken.close();
    expect(broken.requests).toEqual([asked]);
    expect(machine.calls().at(-1)).toBe(started("power-off"));
    expect(machine.read("run/muster-boot/log")).toContain("/wrong.tar.gz has another hash");
  });
});

describe("a boot while the CA is exchanged", () => {
  it.each([
    ["before", [1], [1, 2]],
    ["in between", [1, 2], [1]],
    ["in between, already", [1, 2], [1, 2]],
    ["in between, still", [1, 2], [2]],
    ["after", [2], [1, 2]],
  ])("of a machine from %s: user data pins %j, the manager has %j", async (_, pinned, presented) => {
    const up = makeStackIdentity();
    const { ca } = await up(pinned);
    const current = await startBootManager(await up(presented));
    try {
      for (const [path, content] of manager.files) current.files.set(path, content);
      await machine.boot(document("power-off", [current.url], ca));
      expect(machine.read("etc/muster/ca.pem").match(/BEGIN/g)).toHaveLength(pinned.length);
      expect(current.requests).toEqual([asked, "GET /boot/v1/files/agent.mjs"]);
      expect(machine.calls().at(-1)).toBe(started("power-off"));
    } finally {
      await current.close();
    }
  });
});

describe("a boot that fails", () => {
  it("unpacks and starts nothing that has another hash, says where it stood and tries again", async () => {
    elsewhere.files.set("/runner.tar.gz", "something else");
    await machine.boot(document("power-off"), 2);
    const calls = machine.calls();
    expect(calls.filter((call) => /^systemctl (start|daemon)/.test(call))).toEqual([]);
    expect(() => machine.read(`${runnerFolder()}/bin/Runner.Listener`)).toThrow("ENOENT");
    const told = `POST /boot-report?machine=${machineId}&pool=arm64&phase=downloads`;
    expect(manager.requests.filter((request) => request.startsWith("POST"))).toEqual([told, told]);
    expect(manager.reports[0]).toContain("/runner.tar.gz has another hash");
    // What a place is signed with is for nobody to read.
    expect(manager.reports.join()).not.toContain("X-Amz-Signature");
    expect(machine.read("dev/console")).toContain(`${machineId} failed in phase downloads`);
    expect(bootPhases).toContain("downloads");
  });

  it("says so when its cloud does not sign, and asks for no manifest", async () => {
    metadata.document = 404;
    await machine.boot(document("power-off"));
    expect(manager.requests).toEqual([`POST /boot-report?machine=${machineId}&pool=arm64&phase=identity`]);
    expect(manager.reports[0]).toContain("404");
    expect(bootPhases).toContain("identity");
  });

  it("tells nothing to, and takes nothing from, whoever has a certificate of another CA", async () => {
    elsewhere.files.set(manifestPath, manager.files.get(manifestPath)!);
    await machine.boot(document("power-off", [elsewhere.url]));
    expect(elsewhere.requests).toEqual([]);
    expect(machine.calls().filter((call) => call.startsWith("systemctl start"))).toEqual([]);
    expect(machine.read("dev/console")).toMatch(/curl.*certificate[^]*failed in phase manifest/);
  });

  it("neither one whose CA the system trusts, where curl looks besides the one that is named", async () => {
    elsewhere.files.set(manifestPath, manager.files.get(manifestPath)!);
    plantInSystem("foreign", foreign.ca);
    // Without more, curl believes it: the planted one is where it looks.
    machine.write("etc/stack.pem", stack.ca);
    await machine.run("curl", "-fsS", "--cacert", "/etc/stack.pem", `${elsewhere.url}${manifestPath}`);
    expect(elsewhere.requests).toEqual([`GET ${manifestPath}`]);
    await machine.boot(document("power-off", [elsewhere.url]));
    expect(elsewhere.requests).toEqual([`GET ${manifestPath}`]);
    expect(machine.read("dev/console")).toMatch(/curl.*certificate[^]*failed in phase manifest/);
  });

  it("ends an elastic machine after ten minutes, and one whose agent runs not", async () => {
    await machine.boot(document("power-off"));
    const [timer] = machine.calls();
    expect(timer).toContain("systemd-run --no-block --unit=muster-dead-man --on-active=10min /bin/sh -c ");
    const command = timer!.split(" /bin/sh -c ")[1]!;
    await machine.run("/bin/sh", "-c", command);
    expect(machine.calls()).toEqual([]);
    await machine.run("rm", "/run/muster-boot/started");
    await machine.run("/bin/sh", "-c", command);
    expect(machine.calls()).toEqual(["systemctl poweroff"]);
  });
});

describe("the second boot of the same machine", () => {
  it("ends an elastic machine, which is spent, before it asks anybody", async () => {
    await machine.boot(document("power-off"));
    machine.calls();
    manager.requests.length = 0;
    await machine.boot(document("power-off"));
    expect(machine.calls()).toEqual(["systemctl --no-block poweroff"]);
    expect(manager.requests).toEqual([]);
  });

  it("does nothing twice on a slot but start the agent", async () => {
    await machine.boot(document("clean-slot"));
    machine.calls();
    manager.requests.length = elsewhere.requests.length = 0;
    await machine.boot(document("clean-slot"));
    const calls = machine.calls();
    expect(calls.filter((call) => call.startsWith("useradd"))).toEqual([]);
    expect(calls.at(-1)).toBe(started("clean-slot"));
    expect(manager.requests).toEqual([asked]);
    expect(elsewhere.requests).toEqual([]);
  });

  it.skipIf(process.getuid?.() !== 0)("starts nothing that a job left to start with a slot", async () => {
    await machine.boot(document("clean-slot"));
    for (const path of ["var/spool/cron/crontabs/runner", "var/lib/systemd/linger/runner"])
      machine.write(path, "@reboot sh mine\n", 99);
    machine.write("var/spool/cron/crontabs/root", "@daily sh ours\n");
    await machine.boot(document("clean-slot"));
    expect(() => machine.read("var/lib/systemd/linger/runner")).toThrow("ENOENT");
    expect(() => machine.read("var/spool/cron/crontabs/runner")).toThrow("ENOENT");
    expect(machine.read("var/spool/cron/crontabs/root")).toContain("ours");
  });

  it("of another instance from its image starts anew", async () => {
    await machine.boot(document("power-off"));
    machine.write("opt/muster/machine", "i-0fedcba9876543210\n");
    machine.calls();
    await machine.boot(document("power-off"));
    expect(machine.calls().at(-1)).toBe(started("power-off"));
  });
});
