/** The stack `local` as `npm start` brings it up and takes it down. */
import { createServer } from "node:net";
import { join } from "node:path";
import { EngineMissing } from "../engine/find.ts";
import { PulumiFailed, type LocalStack, type StackOutputs } from "../engine/local-stack.ts";
import { StartError } from "./errors.ts";

/** Two pools, so that a workflow can choose; the labels are those of .github/workflows/check.yml. */
export const pools = {
  local: { labels: ["self-hosted", "linux", "local"], max: 2 },
  small: { labels: ["self-hosted", "linux", "small"], max: 2 },
};

/** The port of settings.ts, where it is free. */
const usualPort = 7_117;
/** A workflow that hangs must not hold up the end of a demonstration for the ten minutes that are the default. */
const drainTimeout = "2m";

const listen = (port: number): Promise<number | null> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : null));
    });
  });

/** The preferred port, else one that the system chooses. */
export const freePort = async (preferred = usualPort): Promise<number> => {
  const port = (await listen(preferred)) ?? (await listen(0));
  if (port !== null) return port;
  throw new StartError("no TCP port could be opened on 127.0.0.1.", {
    cure: "see that the loopback interface is up.",
  });
};

const lastLines = 25;

/** A sentence, the end of what Pulumi printed, and the cure, from whatever a step of the stack threw. */
export const stackError = (what: string, error: unknown): unknown => {
  if (error instanceof EngineMissing) {
    const [first, ...more] = error.message.split("\n");
    return new StartError(first!, { cure: more.at(-1)!, log: more.slice(0, -1), cause: error });
  }
  if (!(error instanceof PulumiFailed)) return error;
  const printed = `${error.ran.stdout}\n${error.ran.stderr}`.split("\n").filter((line) => line.trim() !== "");
  return new StartError(`${what} failed (exit code ${error.ran.code}).`, {
    cure: "the lines above name the cause; after mending it run npm start again.",
    log: printed.slice(-lastLines),
    cause: error,
  });
};

/** Resources that the stack holds, its own entry left out: 0 when nothing is up. */
export const resourceCount = async (stack: LocalStack): Promise<number> => {
  const ran = await stack.pulumi(["stack", "export"]);
  if (ran.code !== 0) throw new PulumiFailed(["stack", "export"], ran);
  const { deployment } = JSON.parse(ran.stdout) as { deployment?: { resources?: { type: string }[] } };
  return (deployment?.resources ?? []).filter(({ type }) => type !== "pulumi:pulumi:Stack").length;
};

export interface Wanted {
  url: string;
  token: string;
  /** With the simulator everything is set; with a real GitHub the user's own pools and times stay. */
  simulated: boolean;
  /** What jobs may read here; with a real GitHub the user's own list stays. */
  reads: readonly string[];
}

const isSet = async (stack: LocalStack, key: string): Promise<boolean> => {
  const ran = await stack.pulumi(["config", "get", `muster:${key}`]);
  return ran.code === 0;
};

const readableSetting = async (stack: LocalStack): Promise<readonly string[]> => {
  const ran = await stack.pulumi(["config", "get", "muster:manager"]);
  try {
    const { readable = [] } = JSON.parse(ran.stdout) as { readable?: string[] };
    return readable;
  } catch {
    return []; // there are no such settings
  }
};

/** Writes the stack's settings: where GitHub is, its token, a free port, two pools. */
export const configure = async (stack: LocalStack, wanted: Wanted): Promise<void> => {
  const ownPools = !wanted.simulated && (await isSet(stack, "pools"));
  const readable = wanted.simulated ? wanted.reads : await readableSetting(stack);
  const manager = { port: await freePort(), readable, ...(wanted.simulated && { drainTimeout }) };
  await stack.setConfig({ github: { url: wanted.url }, manager, ...(!ownPools && { pools }) });
  await stack.setSecret("githubToken", wanted.token);
};

/**
 * Destroys the stack. One that was interrupted (Ctrl-C reaches Pulumi too) left a lock or a half-done step: it is
 * tried once more.
 */
export const destroy = async (stack: LocalStack, note: (text: string) => void): Promise<void> => {
  note("pulumi destroy");
  try {
    await stack.destroy(note);
  } catch {
    note("trying again");
    await stack.pulumi(["cancel", "--yes"], { limitMs: 30_000 });
    await stack.destroy(note);
  }
};

/** What a person may look at when something is wrong. */
export const managerLog = (outputs: Pick<StackOutputs, "directory">): string =>
  join(outputs.directory, "logs/manager.log");
