/** The environment in which the engine runs. Nothing of it is written into Pulumi.yaml. */
import { randomBytes } from "node:crypto";
import { mkdir, realpath, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Engine } from "./find.ts";

/** What the stack `local` keeps, and where; all of it is ignored by git. */
export const localPaths = (root: string) => ({
  /** Pulumi's state. */
  backend: join(root, ".muster/backend"),
  /** Outside the state, which is useless without it. */
  passphrase: join(root, ".muster/passphrase"),
  /** PULUMI_HOME: which stack is selected, plugins; the user's own stays as it is. */
  home: join(root, ".muster/pulumi"),
  /** What V8 made of the packages: the program, which loads many, starts in half the time (0.6 s for 1.0 s). */
  compiled: join(root, ".muster/compiled"),
});

/** The folder of the Node that npm installed beside Pulumi's SDK, or of the one that runs now. */
const nodeDirectory = (root: string) =>
  realpath(join(root, "node_modules/.bin/node")).then(dirname, () => dirname(process.execPath));

/** Makes the passphrase on first use; whoever comes second keeps it. */
const ensurePassphrase = async (file: string) => {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const text = randomBytes(32).toString("base64url");
  await writeFile(file, `${text}\n`, { mode: 0o600, flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
};

/**
 * `env` with Node 24, the engine and its plugins first on PATH. For the stack `local` also backend, passphrase and
 * home, which are made when they are missing; any other stack keeps the user's own login and passphrase.
 */
export const engineEnvironment = async (
  options: { root: string; engine: Engine; stack: string | null },
  env: NodeJS.ProcessEnv = process.env,
): Promise<NodeJS.ProcessEnv> => {
  const { root, engine, stack } = options;
  const first = [await nodeDirectory(root), engine.directory, engine.hostDirectory, engine.commandDirectory];
  const rest = (env.PATH ?? "").split(delimiter).filter((entry) => entry !== "");
  const common: NodeJS.ProcessEnv = {
    ...env,
    PATH: [...new Set([...first, ...rest])].join(delimiter),
    PULUMI_SKIP_UPDATE_CHECK: "true",
    NODE_COMPILE_CACHE: env.NODE_COMPILE_CACHE ?? localPaths(root).compiled,
  };
  if (stack !== "local") return common;
  const paths = localPaths(root);
  await mkdir(paths.backend, { recursive: true, mode: 0o700 });
  await ensurePassphrase(paths.passphrase);
  // Pulumi prefers this variable to the file.
  const { PULUMI_CONFIG_PASSPHRASE: _, ...others } = common;
  return {
    ...others,
    PULUMI_HOME: paths.home,
    PULUMI_BACKEND_URL: pathToFileURL(paths.backend).href,
    PULUMI_CONFIG_PASSPHRASE_FILE: paths.passphrase,
    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
  };
};
