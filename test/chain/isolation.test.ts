// Goal: a job reaches nothing of the manager, its user and other machines, and leaves nothing. Method: a hostile job on the
// whole chain, once for each confinement that this computer gives. What it tries succeeds where nothing confines it.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { ConfinementKind } from "../../agent/protocol.ts";
import { processTable } from "../../agent/supervisor/process.ts";
import { testable } from "../agent/confinement/given.ts";
import { type Chain, startChain } from "./chain.ts";
import { looking, planting, prying, type Targets, working } from "./hostile.ts";

const labels = ["small"];
const isRoot = process.getuid?.() === 0;
/** Nobody's: what a plain user of this computer is. */
const plainUid = 65_533;
const canary = `canary-${process.pid}`;

let chain: Chain | null = null;
let base = "";
afterEach(async () => {
  await chain?.stop();
  chain = null;
  if (base !== "") rmSync(base, { recursive: true, force: true });
});

interface Start {
  kind: ConfinementKind;
  reuse?: boolean;
  url?: string;
}

/** A user's home, a passphrase and the manager's folder in one place that jobs may read: only hiding keeps them out. */
async function start({ kind, reuse = false }: Start): Promise<{ at: Chain; targets: Omit<Targets, "pids"> }> {
  base = mkdtempSync(join(tmpdir(), "muster-isolation-"));
  chmodSync(base, 0o755);
  const [home, state, directory] = [join(base, "home"), join(base, "state"), join(base, "manager")];
  const passphrase = join(state, "passphrase");
  for (const folder of [home, state]) mkdirSync(folder);
  for (const file of [join(home, canary), passphrase, join(state, canary)]) writeFileSync(file, "planted");
  const plain = isRoot && kind === "user-namespace";
  if (plain) for (const path of [base, home, state, passphrase]) chownSync(path, plainUid, plainUid);
  const id = String(plainUid);
  const under: Record<ConfinementKind, string[]> = {
    "own-uid": [],
    "user-namespace": plain ? ["setpriv", "--reuid", id, "--regid", id, "--clear-groups"] : [],
    none: ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"],
  };
  // As a terminal or a shell's `exec` leaves one to all that it starts: a folder in which the home lies.
  const open = ["bash", "-c", `exec 63<'${base}'; exec "$0" "$@"`];
  chain = await startChain({
    pools: { small: { labels, max: 2, reuse } },
    directory,
    env: { HOME: home, PLANTED: "planted" },
    under: [...open, ...under[kind]],
    ...(plain ? { uid: plainUid } : {}),
    manager: {
      readable: [join(process.execPath, ".."), base],
      hidden: [state],
    },
  });
  return { at: chain, targets: { base, directory, home, passphrase, canary } };
}
const kindInUse = (at: Chain) =>
  (JSON.parse(readFileSync(join(at.directory, "confinement.json"), "utf8")) as { kind: string }).kind;

/** Runs one job; its log without what the runner says. */
async function run(at: Chain, script: string): Promise<string> {
  const { id } = await at.github.control.dispatchJobs([{ labels, script }]);
  await at.github.control.wait({ what: "run-completed", run: id }, 60_000);
  const job = at.github.control.jobs().at(-1)!;
  return job.log.slice(job.log.indexOf("##[endgroup]"));
}
const leaks = (log: string) => [...log.matchAll(/^\S+Z (LEAK .*)$/gm)].map(([, line]) => line!);

const agentsOf = (at: Chain) =>
  readdirSync(join(at.directory, "machines")).map(
    (id) =>
      (JSON.parse(readFileSync(join(at.directory, "machines", id, "agent.json"), "utf8")) as { pid: number })
        .pid,
  );
const withArgument = (mark: string) =>
  processTable().filter(({ pid }) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(mark);
    } catch {
      return false;
    }
  });

const kinds: ConfinementKind[] = isRoot ? ["own-uid", "user-namespace"] : ["user-namespace"];

describe.runIf(testable).each(kinds)("%s", (kind) => {
  test("a hostile job finds nothing of the manager, its user, another machine or the system's services", async () => {
    const { at, targets } = await start({ kind });
    await at.github.control.dispatchJobs([{ name: "neighbour", labels, durationSeconds: 600 }]);
    await at.github.control.wait({ what: "jobs", phase: "running", count: 1 }, 30_000);
    expect(kindInUse(at)).toBe(kind);
    const [neighbour] = readdirSync(join(at.directory, "machines"));
    writeFileSync(join(at.directory, "machines", neighbour!, "tmp", canary), "planted");
    const log = await run(at, prying({ ...targets, pids: [at.pid(), ...agentsOf(at)] }));
    expect(leaks(log)).toEqual([]);
    expect(log).toMatch(/^\S+Z tried$/m);
  });

  test("a job can work: its user has a name, its home and temporary folders are there, git and Node run", async () => {
    const { at } = await start({ kind });
    const log = await run(at, working);
    expect(log).toMatch(/^\S+Z runner$/m);
    expect(log).toMatch(/^\S+Z worked$/m);
  });

  test("what a job plants is gone before the next one, on a machine that is used again, and in what machines share", async () => {
    const { at } = await start({ kind, reuse: true });
    const mark = `planted-${process.pid}-${kind}`;
    const planted = await run(at, planting(mark));
    expect(planted).toMatch(/^\S+Z planted$/m);
    await at.until("the machine waits again", ({ machines }) => machines[0]?.stage === "enrolled");
    expect(withArgument(mark)).toEqual([]);
    const log = await run(at, looking(mark));
    expect(leaks(log)).toEqual([]);
    expect(log).toMatch(/^\S+Z tried$/m);
    expect(at.github.control.jobs().map(({ runnerName }) => runnerName?.replace(/-2$/, ""))).toHaveLength(2);
    const shared = join(at.directory, "archives");
    const touched = execFileSync("sh", ["-c", `grep -rl '${mark}' '${shared}' || true`], {
      encoding: "utf8",
    });
    expect(touched).toBe("");
  });
});

test.runIf(isRoot && testable)(
  "the same hostile job finds all of it where nothing confines it: the test can fail",
  async () => {
    const { at, targets } = await start({ kind: "none" });
    await at.github.control.dispatchJobs([{ name: "neighbour", labels, durationSeconds: 600 }]);
    await at.github.control.wait({ what: "jobs", phase: "running", count: 1 }, 30_000);
    expect(kindInUse(at)).toBe("none");
    const log = await run(at, prying({ ...targets, pids: [at.pid(), ...agentsOf(at)] }));
    const found = leaks(log).join("\n");
    for (const what of [
      "file",
      "found",
      "process",
      "environment",
      "memory",
      "open files",
      "signals",
      "socket",
      "writing",
    ])
      expect(found, what).toContain(`LEAK ${what}`);
  },
);
