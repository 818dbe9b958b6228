/**
 * `node updater.mjs`: runs on the manager's machine, as root, and makes the manager what the stack's object says. Its
 * settings are the environment (/etc/muster/host.env). With `--look` it only reads bucket and parameter, and ends: 0 when
 * this version understands them, 75 when they could not be reached.
 */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { currentKey } from "../manager-host.ts";
import { realDeps } from "./deps.ts";
import { hostFolder } from "./folder.ts";
import { limitsFrom } from "./limits.ts";
import { unreachable } from "./self.ts";
import { awsStore } from "./store.ts";
import { makeContext, runUpdater } from "./updater.ts";
import { sha256, wantedOf } from "./wanted.ts";

const given = (name: string): string => {
  const value = process.env[name];
  if (value) return value;
  throw new Error(`${name} is not set: the updater's settings are the environment of muster-updater.service`);
};

const { values } = parseArgs({ options: { look: { type: "boolean", default: false } } });
const deps = realDeps();
const stop = new AbortController();
const store = awsStore(given("MUSTER_BUCKET"), given("MUSTER_STACK"));
const parameterPrefix = given("MUSTER_PARAMETERS");
const logGroup = process.env["MUSTER_LOG_GROUP"] || null;
const limits = limitsFrom(process.env["MUSTER_UPDATER_LIMITS"]);

if (values.look) {
  const name = `${parameterPrefix}/files`;
  const reads = [store.text(currentKey, null, stop.signal), store.parameter(name, stop.signal)] as const;
  const read = await Promise.all(reads).catch((error: Error) => error);
  if (read instanceof Error) {
    console.error(read.message);
    process.exit(unreachable);
  }
  const [current, parameter] = read;
  if (typeof current === "string") throw new Error(`there is no ${currentKey}`);
  const { problem } = wantedOf(current.text, parameter, name);
  if (problem !== null) throw new Error(problem);
  process.exit(0);
}

const self = sha256(await readFile(process.argv[1]!));
const end = () => stop.abort(new Error("the updater was told to end"));
process.on("SIGTERM", end);
process.on("SIGINT", end);
deps.log("the updater runs", { self, bucket: given("MUSTER_BUCKET") });
await runUpdater(
  await makeContext({ parameterPrefix, self, logGroup, limits }, store, hostFolder(), stop.signal, deps),
);
process.exit(0);
