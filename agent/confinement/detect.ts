/** Which confinement this computer gives: tried for real, because kernels, containers and policies differ. */
import { execFile } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ConfinementOrder } from "../protocol.ts";
import { buildView } from "./build.ts";
import { confinedCommand } from "./command.ts";
import { realSystem } from "./system.ts";
import { planView } from "./view.ts";
import { inside, jobUid, type Confinement } from "./kind.ts";

/** It takes 40 ms; a computer that needs longer than this is not one that starts jobs. */
const limitMs = 10_000;

type Kind = ConfinementOrder["kind"];

export interface DetectDeps {
  uid: number;
  /** What went wrong, in the words of the tool; null when a job could be confined so. */
  attempt: (kind: Kind) => Promise<string | null>;
  /** What of this system forbids user namespaces; null when nothing is known to. */
  policy: () => string | null;
  inContainer: () => boolean;
}

const run = (file: string, args: readonly string[]): Promise<string | null> =>
  new Promise((resolve) => {
    execFile(
      file,
      args,
      { timeout: limitMs, killSignal: "SIGKILL", encoding: "utf8" },
      (error, _, stderr) => {
        if (error === null) return resolve(null);
        if (error.killed === true) return resolve(`no answer within ${limitMs / 1000} s`);
        if (error.code === "ENOENT") return resolve(`there is no ${file} (util-linux) on PATH`);
        const said = stderr.trim().split("\n").slice(-2).join("; ").slice(0, 300);
        resolve(said || `exit code ${error.code ?? "of a signal"}`);
      },
    );
  });

/** What must hold inside: its own uid, its folders, nothing of /, a /proc of its own, no way to become more. */
const proof = (uid: number) => `
test "$(id -u)" = ${uid} && test "$$" -lt 100 && test -w ${inside.tmp} && test -w ${inside.home} &&
  test ! -w / && test ! -w /usr && test ! -e "$1" && grep -q '^NoNewPrivs:.*1$' /proc/self/status
`;

/** Runs a program confined, with folders of its own that are removed afterwards. */
const attempt = async (kind: Kind): Promise<string | null> => {
  const directory = mkdtempSync(join(tmpdir(), "muster-confined-"));
  try {
    const place = (name: string) => {
      mkdirSync(join(directory, name), { mode: 0o777 });
      return join(directory, name);
    };
    const places = {
      root: place("runner"),
      home: place("home"),
      tmp: place("tmp"),
      varTmp: place("var-tmp"),
    };
    const uid = jobUid(kind, process.pid, 0);
    if (kind === "own-uid") for (const path of Object.values(places)) chownSync(path, uid, uid);
    const planned = planView({ machines: directory, readable: [], hidden: [] }, realSystem());
    const view = buildView(join(directory, "view"), uid, planned, places, []);
    const command = ["/bin/sh", "-c", proof(uid), "proof", directory];
    const { file, args } = confinedCommand(kind, view, uid, inside.root, command);
    const problem = await run(file, args);
    return problem === "exit code 1" ? "a job confined so could still reach what it must not" : problem;
  } catch (error) {
    return (error as Error).message;
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 });
  }
};

const read = (file: string) => {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
};

/** What forbids it, where the system says so. */
const policies: readonly { file: string; value: string; why: string }[] = [
  {
    file: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    value: "1",
    why: "AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns=1)",
  },
  {
    file: "/proc/sys/kernel/unprivileged_userns_clone",
    value: "0",
    why: "user namespaces are kept from users (kernel.unprivileged_userns_clone=0)",
  },
  {
    file: "/proc/sys/user/max_user_namespaces",
    value: "0",
    why: "user namespaces are switched off (user.max_user_namespaces=0)",
  },
];
const inContainer = () => existsSync("/.dockerenv") || existsSync("/run/.containerenv");

const realDeps = (): DetectDeps => ({
  uid: process.getuid?.() ?? -1,
  attempt,
  policy: () => policies.find(({ file, value }) => read(file) === value)?.why ?? null,
  inContainer,
});

const whyNotNamespace = (problem: string, { policy, inContainer }: DetectDeps): string => {
  const forbidden = policy();
  const cure = inContainer()
    ? "let the container make namespaces (docker run --privileged), or run outside of it"
    : forbidden
      ? "allow them with sysctl, or run as root (sudo)"
      : "run as root (sudo)";
  return `a user namespace is not to be had (${forbidden ?? problem}): ${cure}`;
};

/**
 * The best kind that works here. Tries them as this user, in folders below the one for temporary files, which takes
 * some 50 ms.
 */
export async function detectConfinement(deps: DetectDeps = realDeps()): Promise<Confinement> {
  if (deps.uid === 0) {
    const problem = await deps.attempt("own-uid");
    if (problem === null) return { kind: "own-uid", refused: [] };
    const cure = deps.inContainer()
      ? "let the container make namespaces (docker run --privileged), or run outside of it"
      : "install util-linux, or let this service make namespaces";
    // A namespace without privileges would not do: its root is this root, and reads what root reads.
    return { kind: "none", refused: [`a user id of their own is not to be had (${problem}): ${cure}`] };
  }
  const notRoot =
    "a user id of their own is not to be had (this process is not root): start muster as root (sudo)";
  const problem = await deps.attempt("user-namespace");
  if (problem === null) return { kind: "user-namespace", refused: [notRoot] };
  return { kind: "none", refused: [notRoot, whyNotNamespace(problem, deps)] };
}
