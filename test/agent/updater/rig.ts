/** The updater in virtual time, with bucket, parameters, systemd and manager in memory; files and control socket are real. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  currentKey,
  currentVersion,
  fileKey,
  githubHash,
  githubHashName,
  type HostStatus,
  statusKey,
} from "../../../agent/manager-host.ts";
import type { UpdaterDeps } from "../../../agent/updater/deps.ts";
import { hostFolder } from "../../../agent/updater/folder.ts";
import { defaultLimits } from "../../../agent/updater/limits.ts";
import type { Store } from "../../../agent/updater/store.ts";
import { makeContext, runUpdater } from "../../../agent/updater/updater.ts";
import { sha256 } from "../../../agent/updater/wanted.ts";
import { config as testConfig } from "../manager/worlds.ts";

const prefix = "/muster-test";

export const makeUpdaterRig = async () => {
  const root = mkdtempSync(join(tmpdir(), "muster-updater-"));
  const folders = { programs: join(root, "opt"), data: root, updater: join(root, "run") };
  for (const path of [folders.programs, folders.updater]) mkdirSync(path);
  const socket = join(root, "control.sock");
  const settings = join(folders.updater, "settings.json");

  // Time: only turn() moves it.
  let now = 1_800_000_000_000;
  let wake: (() => void) | null = null;
  let wakeMs = Infinity;
  let asleep = () => {};
  const stop = new AbortController();
  const clock: UpdaterDeps["clock"] = {
    now: () => now,
    // The loop's own sleep; limits of calls never pass, since every call here ends.
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        signal?.addEventListener("abort", () => resolve(), { once: true });
        if (signal !== stop.signal) return;
        [wake, wakeMs] = [resolve, now + ms];
        asleep();
      }),
  };

  // The manager: healthy with what it was started with, unless its bundle is in `sick`.
  const sick = new Set<string>();
  const calls: string[] = [];
  let running: { bundle: string; configHash: string; pid: number } | null = null;
  let pid = 100;
  const start = () => {
    const text = readFileSync(settings, "utf8");
    const { manager } = JSON.parse(text) as { manager: { managerBundle: { sha256: string } } };
    running = { bundle: manager.managerBundle.sha256, configHash: sha256(text), pid: ++pid };
  };
  const control = createServer((request, response) => {
    calls.push(request.url!);
    if (request.url === "/control/reload" && running)
      running.configHash = sha256(readFileSync(settings, "utf8"));
    response.end(request.url === "/control/drain" ? '{"left":0}\n' : "{}");
  });
  await new Promise<void>((resolve) => control.listen(socket, resolve));

  /** All lines of journalctl. */
  const journal: string[] = [];
  const after = (args: readonly string[]) => {
    const cursor = args
      .find((arg) => arg.startsWith("--after-cursor="))
      ?.split("=")
      .slice(1)
      .join("=");
    const at = journal.findIndex((one) => one.includes(`"__CURSOR":"${cursor}"`));
    return journal.slice(at + 1);
  };
  /** What CloudWatch got. */
  const logged: { group: string; stream: string; texts: string[] }[] = [];
  const deps: UpdaterDeps = {
    clock,
    fetch: async () => {
      if (!running || sick.has(running.bundle)) throw new Error("nothing listens");
      const { bundle: managerBundle, ...rest } = running;
      return Response.json({ ok: true, managerBundle, problem: null, ...rest });
    },
    run: async (command, args) => {
      calls.push(`${command} ${args.join(" ")}`);
      if (args[0] === "restart" || !running) start();
    },
    lines: async (_, args) => {
      fault("journal");
      return { lines: after(args), more: false };
    },
    log: () => {},
  };

  const objects = new Map<string, string | Uint8Array>();
  /** When an object was written; without an entry it is as old as the first look at it. */
  const written = new Map<string, number>();
  const parameters = new Map<string, string>([["/token", "secret-1"]]);
  /** Calls that fail, by what they are for. */
  const faults = new Map<string, Error>();
  const fault = (what: string) => {
    const error = faults.get(what);
    if (error) throw error;
  };
  const store: Store = {
    text: async (key, etag) => {
      fault(key);
      const found = objects.get(key);
      if (found === undefined) return "missing";
      const mark = sha256(found);
      return mark === etag ? "same" : { text: String(found), etag: mark, writtenMs: written.get(key) ?? now };
    },
    bytes: async (key) => {
      fault("bytes");
      return Buffer.from(objects.get(key)!);
    },
    put: async (key, text) => {
      fault("put");
      objects.set(key, text);
    },
    parameter: async (name) => {
      fault("parameter");
      return parameters.get(name)!;
    },
    secrets: async (names) => {
      fault("secrets");
      return new Map(names.map((name) => [name, parameters.get(name)!]));
    },
    metrics: async () => fault("metrics"),
    log: async (group, stream, events) => {
      fault("log");
      logged.push({ group, stream, texts: events.map(({ text }) => text) });
    },
  };

  const updater = "the updater";
  /** @param generation of the CA: its keys are parameters of their own, and the certificate names it */
  const up = (manager: string, max = 2, generation: number | null = null) => {
    const base = testConfig({ default: { max } });
    const programs = { "manager.mjs": manager, "runner.mjs": "the runner", "updater.mjs": updater };
    const entries = Object.entries(programs);
    const files = Object.fromEntries(entries.map(([name, text]) => [name, sha256(text)]));
    for (const [name, text] of entries) objects.set(fileKey(sha256(text), name), text);
    const agents =
      generation === null
        ? null
        : { port: 7443, addresses: ["10.64.16.10"], ca: "CA", certificate: `certificate ${generation}` };
    const config = { ...base, manager: { ...base.manager, socket, agents } };
    const agreed = { ...files, [githubHashName]: githubHash(base.github) };
    parameters.set(`${prefix}/files`, JSON.stringify(agreed));
    const key = `/certificateKey-${generation}`;
    if (generation !== null) parameters.set(key, `key ${generation}`);
    const secrets = { githubToken: "/token", ...(generation !== null && { certificateKey: key }) };
    objects.set(currentKey, JSON.stringify({ version: currentVersion, files, config, secrets }));
  };
  const options = {
    parameterPrefix: prefix,
    self: sha256(updater),
    logGroup: "the-group",
    limits: defaultLimits,
  };
  let done = Promise.resolve();
  const pass = () => new Promise<void>((resolve) => (asleep = resolve));
  return {
    up,
    sick,
    journal,
    logged,
    calls,
    faults,
    parameters,
    objects,
    written,
    now: () => now,
    folders,
    hash: sha256,
    running: () => running,
    status: () => JSON.parse(String(objects.get(statusKey) ?? "null")) as HostStatus | null,
    /** What a manager that starts now reads: the certificate of the settings and its key. */
    certificateAndKey: () => {
      const read = (name: string) => JSON.parse(readFileSync(join(folders.updater, name), "utf8"));
      return [read("settings.json").manager.agents.certificate, read("secrets.json").certificateKey];
    },
    maxInSettings: () => {
      const text = readFileSync(settings, "utf8");
      return (JSON.parse(text) as { pools: { default: { max: number } } }).pools.default.max;
    },
    /** Starts it and waits for the end of its first pass. */
    begin: async () => {
      const first = pass();
      const context = await makeContext(options, store, hostFolder(folders), stop.signal, deps);
      done = runUpdater(context);
      await first;
    },
    /** Lets so much time pass, pass by pass. */
    turn: async (ms: number) => {
      const untilMs = now + ms;
      while (wakeMs <= untilMs) {
        const next = pass();
        now = wakeMs;
        wake!();
        await next;
      }
      now = untilMs;
    },
    stop: async () => {
      stop.abort();
      await done;
      await new Promise((resolve) => control.close(resolve));
      rmSync(root, { recursive: true });
    },
  };
};
export type UpdaterRig = Awaited<ReturnType<typeof makeUpdaterRig>>;
