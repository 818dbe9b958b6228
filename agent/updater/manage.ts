/** Makes the manager what is wanted: by a reload where that is enough, else by a new process that has to prove itself. */
import { ManagerRefused, probe, tell } from "./ask.ts";
import { type Context, save, bounded } from "./context.ts";
import { processKey, type Release, settingsFor, settingsText } from "./release.ts";
import { newTrial, seen, verdict } from "./trial.ts";
import { sha256 } from "./wanted.ts";
import { keysOf } from "./watch.ts";

const unit = "muster-manager.service";

/** What should run now; null while something of it is unknown. */
const target = ({ wanted, secrets, state }: Context): Release | null => {
  if (!wanted?.release || secrets === null) return null;
  const { manager, runner, config } = wanted.release;
  const release = { manager, runner, config, keys: keysOf(secrets) };
  const { refused, good } = state;
  // What was refused is not tried again; its other settings reach the one that runs.
  return refused?.key === processKey(release) && good ? settingsFor(good, release) : release;
};

export const fetchProgram = (context: Context) => (key: string) =>
  bounded(context, context.options.limits.downloadMs, `fetching ${key}`, (signal) =>
    context.store.bytes(key, signal),
  );

const ensurePrograms = async (context: Context, { manager, runner }: Release) => {
  await context.folder.ensure(manager, "manager.mjs", fetchProgram(context));
  await context.folder.ensure(runner, "runner.mjs", fetchProgram(context));
};

const systemctl = (context: Context, verb: "restart" | "start") =>
  context.deps.run("systemctl", [verb, unit], context.options.limits.restartMs);

/** Puts a release in place and starts it. */
const start = async (context: Context, release: Release, why: string) => {
  const { folder, deps } = context;
  await folder.writeSettings(settingsText(release, folder.programs));
  if (context.secrets !== null) await folder.writeSecrets(context.secrets);
  await folder.activate(release.manager, "manager.mjs");
  deps.log("starting the manager", { manager: release.manager, why });
  await systemctl(context, "restart");
};

export const makeManage = (context: Context) => {
  const { folder, deps, options } = context;
  /** Hash of the secrets that the running manager was told. */
  let told: string | null = null;

  const swap = async (release: Release) => {
    await ensurePrograms(context, release);
    // Written first: an updater that ends here finds out by the trial what became of it.
    await save(context, { running: release, refused: null, refusedSettings: null });
    context.trial = newTrial(deps.clock.now());
    await start(context, release, context.state.good ? "it changed" : "it is the first");
    told = context.secrets;
  };

  /** A reload, whenever the manager says that it has other settings than the file. */
  const reload = async (release: Release) => {
    const text = settingsText(release, folder.programs);
    const hash = sha256(text);
    const { refusedSettings, running } = context.state;
    if (refusedSettings?.hash === hash) throw new ManagerRefused(refusedSettings.reason);
    if ((await folder.readSettings()) !== text) {
      await ensurePrograms(context, release);
      await folder.writeSettings(text);
    }
    if (context.health && context.health.configHash !== hash) {
      try {
        await tell(release.config, "/control/reload", "{}");
        deps.log("settings are live", { settings: hash });
        context.health = await probe(release.config, deps);
      } catch (error) {
        if (!(error instanceof ManagerRefused)) throw error;
        // A manager that starts would stumble over them: the file is again what it can read.
        await folder.writeSettings(settingsText(running!, folder.programs));
        await save(context, { refusedSettings: { hash, reason: error.message } });
        throw error;
      }
    }
    if (JSON.stringify(running) !== JSON.stringify(release)) {
      const good = context.trial ? context.state.good : release;
      await save(context, { running: release, good, refusedSettings: null });
    }
  };

  const tellSecrets = async (release: Release) => {
    if (context.secrets === null || context.secrets === told) return;
    if ((await folder.readSecrets()) !== context.secrets) await folder.writeSecrets(context.secrets);
    if (!context.health) return;
    await tell(release.config, "/control/secrets", context.secrets);
    told = context.secrets;
  };

  const rollBack = async (reason: string) => {
    const { running, good } = context.state;
    const refused = { key: processKey(running!), manager: running!.manager, reason };
    deps.log("refused", { manager: running!.manager, reason, back: good?.manager ?? null });
    const back = good && processKey(good) !== refused.key ? good : null;
    if (!back) {
      // Nothing to go back to: it is left to systemd, which goes on starting it.
      if (context.state.refused?.key !== refused.key) await save(context, { refused });
      context.trial = newTrial(deps.clock.now());
      return;
    }
    await save(context, { refused, running: back });
    context.trial = null;
    await start(context, back, "the one before comes back");
  };

  const judge = async () => {
    const { running } = context.state;
    if (!context.trial || !running) return;
    const { health } = context;
    const green = health?.ok === true && health.managerBundle === running.manager;
    const now = deps.clock.now();
    context.trial = seen(context.trial, green, health?.pid ?? null, now);
    const said = verdict(context.trial, now, options.limits);
    if (said === "wait") return;
    if (said !== "keep") return rollBack(said.refuse);
    deps.log("kept", { manager: running.manager });
    context.trial = null;
    await save(context, {
      good: running,
      ...(context.state.refused?.key === processKey(running) && { refused: null }),
    });
    await folder.clean(
      new Set([running.manager, running.runner, options.self, (await folder.linked("updater.mjs")) ?? ""]),
    );
  };

  return async (): Promise<void> => {
    const { running } = context.state;
    if (running) context.health = await probe(running.config, deps);
    await judge();
    const release = target(context);
    if (!release) return;
    const now = context.state.running;
    if (now && processKey(now) === processKey(release)) {
      // Not there after a boot, or ended for good: settings and secrets are on no disk that stays.
      if (!context.health && !context.trial) await revive(release);
      await reload(release);
      await tellSecrets(release);
      await forgetRefusal();
      return;
    }
    await swap(release);
    context.health = await probe(release.config, deps);
  };

  /** Nothing is refused any more when something else is wanted, or it became healthy after all. */
  async function forgetRefusal() {
    const { refused } = context.state;
    const { wanted, secrets } = context;
    if (!refused || !wanted?.release || secrets === null) return;
    if (processKey({ ...wanted.release, keys: keysOf(secrets) }) !== refused.key)
      await save(context, { refused: null });
  }

  async function revive(release: Release) {
    await ensurePrograms(context, release);
    const active = (await folder.linked("manager.mjs")) === release.manager;
    if (active && (await folder.readSecrets()) !== null && (await folder.readSettings()) !== null) {
      await systemctl(context, "start");
    } else await start(context, release, "it does not run");
    told = context.secrets;
    context.trial = newTrial(deps.clock.now());
  }
};
