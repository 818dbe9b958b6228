/** A manager's folder with a control socket that answers as the test says; the CLI runs as a process of its own. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { settingsText } from "../../../../agent/cli/local/settings.ts";
import { realDeps } from "../../../../agent/manager/deps.ts";
import type { ManagerConfig } from "../../../../agent/manager-config.ts";
import type { ManagerState } from "../../../../agent/manager/view.ts";
import { serveControl, type ControlHandlers } from "../../../../agent/manager/web/control.ts";
import { ensureFolder, type Folder } from "../../../../agent/supervisor/folder.ts";
import { identify } from "../../../../agent/supervisor/process.ts";
import { config as testConfig } from "../../manager/worlds.ts";
import { sampleState } from "../../manager/web/sample.ts";

const program = join(import.meta.dirname, "../../../../agent/cli/main.ts");

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}
/** @param whileRunning gets the child and what it has said on stderr so far */
export const muster = (
  args: readonly string[],
  options: {
    env?: NodeJS.ProcessEnv;
    columns?: number;
    onStderr?: (text: string, child: ReturnType<typeof spawn>) => void;
  } = {},
) =>
  new Promise<Ran>((resolve) => {
    const child = spawn(process.execPath, [program, ...args], {
      env: { ...process.env, ...options.env, COLUMNS: String(options.columns ?? "") },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ran = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (ran.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      ran.stderr += text;
      options.onStderr?.(ran.stderr, child);
    });
    child.on("close", (code) => resolve({ code: code ?? -1, ...ran }));
  });

export interface StandIn {
  directory: string;
  paths: Folder;
  config: ManagerConfig;
  /** Verbs that were called, in order. */
  called: string[];
  stop: () => Promise<void>;
}

export const standIn = async (
  options: { state?: ManagerState; drain?: ControlHandlers["drain"]; stack?: string } = {},
): Promise<StandIn> => {
  const home = await mkdtemp(join(tmpdir(), "muster-cli-"));
  const directory = join(home, "local");
  const stack = { project: "muster", name: options.stack ?? "dev" };
  const paths = await ensureFolder(directory, stack);
  const base = testConfig({ arm64: {} });
  const config: ManagerConfig = {
    ...base,
    stack,
    manager: { ...base.manager, directory, socket: join(directory, "control.sock") },
  };
  await writeFile(paths.settings, settingsText(config));
  await writeFile(
    paths.record,
    JSON.stringify({ supervisor: identify(process.pid), manager: null, crashes: 0 }),
  );
  const called: string[] = [];
  const handlers: ControlHandlers = {
    reload: () => Promise.reject(new Error("not here")),
    secrets: () => {},
    stop: () => {},
    state: () => options.state ?? sampleState(),
    removeSet: () => Promise.reject(new Error("not here")),
    undrain: () => void called.push("undrain"),
    drain: (seconds, progress, signal, pools) => {
      called.push(`drain ${seconds}`);
      return options.drain?.(seconds, progress, signal, pools) ?? Promise.resolve({ left: 0 });
    },
  };
  const served = await serveControl(
    { path: config.manager.socket, handlers },
    realDeps(pino({ level: "silent" })),
  );
  let stopped = false;
  const stop = async () => {
    if (!stopped) await served.close();
    stopped = true;
  };
  onTestFinished(async () => {
    await stop();
    await rm(home, { recursive: true, force: true });
  });
  return { directory, paths, config, called, stop };
};
