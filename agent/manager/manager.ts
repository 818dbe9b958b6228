/** Puts the manager together: settings, journal, loop, GitHub, backends, web. Everything it needs comes in as a port. */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentsSocket, type ManagerSecrets } from "../manager-config.ts";
import { makeAct } from "./act.ts";
import { makeAgents } from "./agents.ts";
import { awsBackendName } from "./backends/aws/aws.ts";
import { makeBoot } from "./boot.ts";
import { keepMeasuring, type Measuring } from "./connect.ts";
import { counting } from "./count-requests.ts";
import { deadline, type Deps } from "./deps.ts";
import { makeDoor } from "./door.ts";
import { drain } from "./drain.ts";
import { makeEvidence } from "./evidence.ts";
import { consoleLines } from "./history/boots.ts";
import { openHistory } from "./history/history.ts";
import { makeIdentity } from "./identity.ts";
import { awsCertificates } from "./identity/aws-certificates.ts";
import { makeDocuments } from "./identity/documents.ts";
import { ownAccount } from "./identity/own-account.ts";
import { openJournal } from "./journal.ts";
import { keepUp } from "./journal/upkeep.ts";
import { watchLeaks } from "./leaks.ts";
import { defaultLimits, type Limits } from "./limits.ts";
import { keepListing } from "./lists.ts";
import { logLosses } from "./log-losses.ts";
import { makeLoop } from "./loop.ts";
import { mirrorBucket } from "./mirror/home.ts";
import { makeMirror } from "./mirror/mirror.ts";
import type { Backend, MakeGitHub } from "./ports.ts";
import { offersOf, readSettings, type Settings, settingsChanged } from "./settings.ts";
import { stackKeys } from "./stack-key.ts";
import { startWorld } from "./start-world.ts";
import { serveControl } from "./web/control.ts";
import { makeMetrics } from "./web/metrics.ts";
import { serveAgents } from "./web/agents-socket.ts";
import { type Health, serveWeb } from "./web/server.ts";
import { stateView } from "./web/state.ts";
import type { ManagerState } from "./view.ts";
import type { World } from "./world.ts";

export interface ManagerOptions {
  settingsPath: string;
  settings: Settings;
  secrets: ManagerSecrets;
  makeGitHub: MakeGitHub;
  /** The backends follow `config()` as the settings change. */
  makeBackends: (config: () => Settings["config"], deps: Deps) => ReadonlyMap<string, Backend>;
  /** AWS's metadata service, without a slash at its end; default: its own address. */
  metadata?: string;
  limits?: Limits;
  /** Called when the manager contradicts itself; the process is expected to end. */
  broken?: (error: unknown) => void;
}

export interface Manager {
  port: number;
  state(): ManagerState;
  /** Ends sessions and listeners; machines and their jobs go on. */
  stop(): Promise<void>;
}

/**
 * Starts everything and resolves when it serves.
 * @throws when the folder, the journal, the port or the socket cannot be had.
 */
export async function startManager(options: ManagerOptions, deps: Deps): Promise<Manager> {
  const { limits = defaultLimits, metadata = "http://169.254.169.254" } = options;
  const { config } = options.settings;
  let { secrets } = options;
  const { directory } = config.manager;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const startedMs = deps.clock.now();
  const identity = makeIdentity(...stackKeys(secrets, directory, deps));
  const journal = openJournal(join(directory, "journal.sqlite"), deps, limits);
  const history = openHistory({ path: join(directory, "history.sqlite") }, deps);
  const metrics = makeMetrics(deps);
  let current = config;
  const backends = options.makeBackends(() => current, deps);
  const world = startWorld({ settings: options.settings, journal, backends, limits, now: startedMs });
  const broken = (error: unknown, believed: World) => {
    deps.log.fatal({ err: error }, "the manager contradicts itself: the world is written beside the journal");
    writeFileSync(join(directory, `broken-${deps.clock.now()}.json`), JSON.stringify(believed), {
      mode: 0o600,
    });
    options.broken?.(error);
  };
  const loop = makeLoop({ world: cautious(world, directory, startedMs), journal, limits, deps, broken });
  const asking = { ...deps, fetch: counting(deps.fetch, metrics.observeGitHubRequest) };
  const github = options.makeGitHub(config, secrets, (fact) => void loop.report(fact), asking);
  const configs = new Map<string, { life: number; jitConfig: string }>();
  const account = ownAccount(awsCertificates, metadata, deps);
  if (config.manager.agents !== null) account.now();
  const documents = makeDocuments({
    world: loop.world,
    certificates: awsCertificates,
    account,
    backend: awsBackendName,
    limits,
    deps,
  });
  const agents = makeAgents({
    loop,
    identity,
    github,
    configs,
    documents,
    addresses: () => (loop.world().config.manager.agents?.reach === "public" ? "any" : "own"),
    hosts: github.hosts,
    limits,
    deps,
  });
  const mirror = makeMirror({ bucket: mirrorBucket(() => current, deps), directory, deps });
  const boot = makeBoot({
    ...{ world: loop.world, github, mirrors: mirror.places, failed: history.bootFailed, deps },
  });
  const evidence = makeEvidence({
    world: loop.world,
    backends,
    keep: ({ id, pool }, text) => {
      const view = {
        machine: id,
        pool,
        phase: "console",
        atMs: deps.clock.now(),
        lines: consoleLines(text),
      } as const;
      history.bootFailed(view);
      deps.log.warn(
        { machine: id, pool, said: view.lines },
        "a machine never enrolled: the end of its console",
      );
    },
    limits,
    deps,
  });
  const door = makeDoor(agents, boot, deps);
  const act = makeAct({
    world: loop.world,
    report: loop.report,
    backends,
    github,
    identity,
    configs,
    evidence,
    observe: metrics.observeAction,
    began: metrics.actionBegan,
    limits,
    deps,
  });

  let measuring: Measuring | null = null;
  const health = (): Health => {
    const late = deps.clock.now() - loop.lastTurnMs() > 3 * limits.tickMsMax;
    const problem = late
      ? "the loop stands still"
      : loop.world().journalWritable
        ? door.problem()
        : "the journal cannot be written: no machines are started";
    return {
      ok: !late,
      configHash: loop.world().configHash,
      managerBundle: config.manager.managerBundle.sha256,
      pid: process.pid,
      startedMs,
      problem,
    };
  };
  const state = (): ManagerState => {
    const { ok, problem, managerBundle } = health();
    const { refusals = {}, capacity = {} } = loop.lastPlan() ?? {};
    const connect = measuring?.now() ?? {};
    const meta = {
      startedMs,
      managerBundle,
      healthy: ok && problem === null,
      problem,
      connect,
      failedBoots: history.boots(),
    };
    return stateView({ world: loop.world(), refusals, capacity, history, meta }, deps.clock.now());
  };

  const web = await serveWeb(
    {
      port: config.manager.port,
      handlers: {
        agents,
        health,
        state,
        metrics: () => metrics.text(),
        runnerBundle: boot.runnerBundle,
      },
    },
    deps,
  );

  const agentCalls = await serveAgents({ path: agentsSocket(config), handlers: agents }, deps);
  await door.follow(config, secrets);

  loop.watch({
    fact: (fact, before, after, now) => {
      history.record(fact, before, after, now);
      metrics.observeFact(fact, before, after, now);
      web.changed();
    },
    planned: (plan, believed, seconds, now) => {
      metrics.observePlan(seconds);
      metrics.observeWorld(believed, plan.refusals, now);
      for (const [pool, jobs] of Object.entries(plan.capacity)) github.capacity(pool, jobs);
    },
  });

  loop.watch(watchLeaks(limits, deps));
  loop.watch(logLosses(deps));

  const reload = async () => {
    const settings = await readSettings(options.settingsPath);
    if (settings.hash !== loop.world().configHash) {
      current = settings.config;
      loop.report(settingsChanged(settings, backends));
      github.start(settings.config);
      await door.follow(settings.config, secrets);
      deps.log.info({ configHash: settings.hash }, "settings changed");
    }
    return { configHash: settings.hash };
  };
  let stopped: Promise<void> | null = null;
  const stop = () => (stopped ??= shutDown());
  const control = await serveControl(
    {
      path: config.manager.socket,
      handlers: {
        reload,
        drain: (seconds, progress, signal, pools) => drain(loop, seconds, progress, signal, deps, pools),
        undrain: () => void loop.report({ is: "draining", on: false }),
        secrets: (fresh) => {
          secrets = fresh;
          github.credentials(fresh);
          // What went wrong is in the log, and the health says so.
          door.follow(current, secrets).catch(() => {});
          // What was denied to the old ones is tried again at once.
          loop.report(settingsChanged({ config: current, hash: loop.world().configHash }, backends));
        },
        removeSet: async (set) => {
          const limit = deadline(deps.clock, limits.launchTimeoutMs, `removing the scale set ${set}`);
          const removed = await github.removeSet(set, limit.signal).finally(() => limit.done());
          deps.log.warn(removed, "a scale set of another stack was removed by hand");
          return removed;
        },
        state,
        stop: () => void stop(),
      },
    },
    deps,
  );

  loop.start(act);
  const lists = keepListing(loop, backends, limits, deps);
  const watches = [...backends.values()].map((backend) =>
    backend.watch?.(() => loop.report({ is: "offers-changed", offers: offersOf(current, backends) })),
  );
  github.start(config);
  const stopUpkeep = keepUp(journal, limits, deps);
  measuring = keepMeasuring(github.hosts, limits, deps, () => {
    metrics.observeConnect(measuring?.now() ?? {});
    web.changed();
  });
  deps.log.info(
    { port: web.port, machines: journal.machines.length, whole: journal.whole },
    "the manager serves",
  );

  const shutDown = async () => {
    loop.stop();
    lists.stop();
    mirror.stop();
    for (const end of watches) end?.();
    stopUpkeep();
    measuring?.stop();
    await Promise.all([github.stop(), web.close(), agentCalls.close(), door.close(), control.close()]);
    history.close();
    journal.close();
    deps.log.info("the manager has stopped; machines and jobs go on");
  };
  return { port: web.port, state, stop };
}

/** A manager that contradicted itself three times in ten minutes launches nothing for ten: syncs and endings go on. */
function cautious(world: World, directory: string, now: number): World {
  const windowMs = 600_000;
  const recent = readdirSync(directory).filter((name) => {
    const at = /^broken-(\d+)\.json$/.exec(name)?.[1];
    return at !== undefined && now - Number(at) < windowMs;
  });
  return recent.length < 3 ? world : { ...world, launchesFromMs: now + windowMs };
}
