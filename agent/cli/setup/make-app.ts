/** A GitHub App made for this stack in the browser, from a manifest; then its installation is waited for. */
import type { Target } from "../../manager/github/url.ts";
import { CliError } from "../errors.ts";
import { convert, look, readApp, type App, type Look } from "./app.ts";
import type { SetupDeps } from "./deps.ts";
import { installUrl, manifestFor, newAppUrl, ownerOf, settingsUrl, type OwnerKind } from "./manifest.ts";
import { ask, Unanswered } from "./rest.ts";
import type { Right } from "./rights.ts";
import { openPage, type SetupPage } from "./server.ts";

export interface MadeApp {
  app: App;
  key: string;
  installation: number;
  warnings: string[];
}

export interface MakeOptions {
  stack: string;
  target: Target;
  rights: readonly Right[];
  /** Of the page; 0 for any. */
  port: number;
  /** The App that an interrupted set-up left. */
  resume: { id: number; key: string } | null;
  /** Stores the App at once, before anything else may fail. */
  save: (app: { id: number; key: string }) => Promise<void>;
  /** Stores the whole; only then the browser is told that all is done. */
  finish: (made: MadeApp) => Promise<void>;
  /** What to do next, for the last page. */
  next: string;
}

const people = (login: string, target: Target) =>
  new CliError(
    `${login} is a person's account, which has no runners of its own: give a repository, ${target.url}/REPOSITORY.`,
  );

/** Whose account owns the target; null when GitHub does not tell without a login. */
export const ownerKind = async (target: Target, deps: SetupDeps): Promise<OwnerKind | null> => {
  const owner = ownerOf(target);
  const url = `${target.api}/users/${encodeURIComponent(owner)}`;
  const { status, body } = await ask({ what: `looking at ${owner}`, url }, deps);
  if (status === 404)
    throw new CliError(`${target.url}: GitHub knows no account named ${owner}. Check the address.`);
  const type = (body as { type?: unknown } | null)?.type;
  if (status !== 200 || (type !== "User" && type !== "Organization"))
    return target.kind === "organization" ? "organization" : null;
  if (type === "User" && target.kind === "organization") throw people(owner, target);
  return type === "User" ? "user" : "organization";
};

/** Looks until the installation is right, and says each new problem once. */
export const waitForInstallation = async (
  options: { target: Target; app: App; key: string; rights: readonly Right[]; wanted: number | null },
  tell: (problem: string) => void,
  limitMs: number,
  deps: SetupDeps,
): Promise<Look & { ok: true }> => {
  const startMs = deps.clock.now();
  let last = "";
  for (;;) {
    const found = await look(options, deps).catch((error: unknown): Look => {
      if (error instanceof Unanswered) return { ok: false, problem: error.message.replace(/\.$/, "") };
      throw error;
    });
    if (found.ok) return found;
    if (deps.signal.aborted) throw new CliError("interrupted.");
    if (found.problem !== last) tell(found.problem);
    last = found.problem;
    if (deps.clock.now() - startMs >= limitMs) throw new CliError(`${found.problem}.`);
    await deps.clock.sleep(deps.limits.everyMs, deps.signal);
  }
};

/** Tunnels end at the same port, since the page compares the Host header. */
const tellLink = (page: SetupPage, deps: SetupDeps) => {
  deps.say(`open in your browser:\n\n    ${page.link}\n`);
  deps.say(
    `(muster runs on another computer? First, on yours: ssh -N -L ${page.port}:127.0.0.1:${page.port} THAT-COMPUTER)`,
  );
};

/** @throws CliError: whatever it is, what exists by then is stored and said */
export const makeApp = async (options: MakeOptions, deps: SetupDeps): Promise<MadeApp> => {
  const { limits } = deps;
  const { target, stack } = options;
  const owner = options.resume ? null : await ownerKind(target, deps);
  // Ends the wait from the browser as Ctrl-C does from the terminal.
  const cancelled = new AbortController();
  const inner: SetupDeps = { ...deps, signal: AbortSignal.any([deps.signal, cancelled.signal]) };
  const arrival = Promise.withResolvers<{ app: App; key: string }>();
  arrival.promise.catch(() => {});
  let code: string | null = null;
  let busy: Promise<void> | null = null;

  const exchange = async (): Promise<void> => {
    if (code === null) return;
    try {
      const { app, key } = await convert(target, code, inner);
      await options.save({ id: app.id, key });
      deps.say(`created the App ${app.name} (id ${app.id}); its key is stored`);
      showInstall(app, null);
      arrival.resolve({ app, key });
    } catch (error) {
      if (error instanceof Unanswered && !inner.signal.aborted) {
        deps.say(error.message);
        return page.show({ kind: "retry", problem: error.message });
      }
      arrival.reject(error as Error);
    }
  };
  const start = () => (busy ??= exchange().finally(() => void (busy = null)));
  const page = await openPage(
    { port: options.port, github: new URL(target.url).origin },
    {
      code: async (given) => {
        // A reload, or an old answer: the first code is the one that made the App.
        if (code !== null) return busy ?? Promise.resolve();
        code = given;
        return start();
      },
      retry: async () => start(),
      cancel: () => {
        arrival.reject(new CliError("cancelled in the browser; no App was made by this set-up."));
        cancelled.abort();
      },
    },
    deps,
  );
  const showInstall = (app: App, problem: string | null) =>
    page.show({ kind: "install", app: app.name, target, url: installUrl(target, app), problem });

  try {
    if (options.resume) {
      const { id, key } = options.resume;
      const { app } = await readApp(target, id, key, deps);
      showInstall(app, null);
      arrival.resolve({ app, key });
    } else {
      const kinds: OwnerKind[] = owner === null ? ["organization", "user"] : [owner];
      page.show({
        kind: "offer",
        stack,
        target,
        rights: options.rights,
        manifest: manifestFor({ stack, target, rights: options.rights, redirectUrl: page.redirectUrl }),
        actions: kinds.map((kind) => ({ owner: kind, url: newAppUrl(target, kind, page.state) })),
      });
    }
    tellLink(page, deps);
    const { app, key } = await bounded(arrival.promise, limits.pageMs, inner);
    checkOwner(target, app);
    const tell = (problem: string) => {
      deps.say(`waiting: ${problem}`);
      showInstall(app, problem);
    };
    const wanted = { target, app, key, rights: options.rights, wanted: null };
    const again = (error: Error) =>
      new CliError(
        `${error.message}\nThe App ${app.name} (${settingsUrl(target, app)}) and its key are stored: ` +
          "the same command again goes on from here.",
      );
    const found = await waitForInstallation(wanted, tell, limits.installMs, inner).catch((error: unknown) => {
      throw error instanceof CliError ? again(error) : error;
    });
    const made = { app, key, installation: found.installation.id, warnings: found.warnings };
    await options.finish(made);
    page.show({
      kind: "done",
      text: `The App ${app.name} may register runners at ${target.url}.`,
      next: options.next,
    });
    return made;
  } catch (error) {
    page.show({ kind: "failed", problem: (error as Error).message });
    throw error;
  } finally {
    await page.close(deps.signal.aborted ? 0 : limits.lastPageMs);
  }
};

/** A private App can be installed only where it was made. */
const checkOwner = (target: Target, app: App): void => {
  const owner = ownerOf(target);
  if (app.owner.login.toLowerCase() === owner.toLowerCase()) return;
  throw new CliError(
    `the App ${app.name} was made in the account ${app.owner.login}, so only ${app.owner.login} could install it, but ` +
      `${target.url} belongs to ${owner}. Delete it (${settingsUrl(target, app)}/advanced), then run ` +
      `muster setup --force as an owner of ${owner}.`,
  );
};

const bounded = async <T>(promise: Promise<T>, limitMs: number, deps: SetupDeps): Promise<T> => {
  const over = new AbortController();
  const time = deps.clock.sleep(limitMs, AbortSignal.any([over.signal, deps.signal])).then(() => {
    if (over.signal.aborted) return promise;
    if (deps.signal.aborted)
      // A cancellation in the browser says so itself.
      return Promise.race([
        promise,
        Promise.reject(new CliError("interrupted; no App was made by this set-up.")),
      ]);
    throw new CliError(
      `nobody came back from GitHub within ${Math.round(limitMs / 60_000)} min: the page is closed, and nothing was stored. ` +
        "Run the command again when you are ready.",
    );
  });
  try {
    return await Promise.race([promise, time]);
  } finally {
    over.abort();
  }
};
