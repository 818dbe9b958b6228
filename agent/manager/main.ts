/**
 * The manager as a process: `node manager.mjs --config settings.json`, secrets (ManagerSecrets as JSON) as its whole
 * standard input. SIGTERM and SIGINT stop it; machines and their jobs go on. With `--forget` it only deletes what this
 * stack has at GitHub (scale sets, runner records), prints what it could not, and ends: 0 when nothing is left.
 */
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { pino } from "pino";
import { managerSecrets } from "../manager-config.ts";
import { makeBackends } from "./backends/index.ts";
import { deadline, realDeps } from "./deps.ts";
import { makeGitHub } from "./github/index.ts";
import { makeLog } from "./log.ts";
import { startManager } from "./manager.ts";
import { readSettings } from "./settings.ts";

/** `destroy` waits for GitHub at most so long. */
const forgetMsMax = 25_000;

const { values } = parseArgs({
  options: { config: { type: "string" }, forget: { type: "boolean", default: false } },
});
if (values.config === undefined)
  throw new Error("usage: manager --config SETTINGS.json [--forget], secrets as JSON on standard input");

const log = makeLog();
const deps = realDeps(log);
const settings = await readSettings(values.config);
const input = (await text(process.stdin)).trim();
const secrets = managerSecrets.parse(input === "" ? {} : JSON.parse(input));

if (values.forget) {
  const github = makeGitHub(settings.config, secrets, () => {}, realDeps(pino({ level: "silent" })));
  const limit = deadline(deps.clock, forgetMsMax, "clearing up at GitHub");
  const left = await github
    .forget(limit.signal)
    .catch((error: unknown) => [`not all could be read: ${(error as Error).message}`]);
  limit.done();
  await github.stop();
  for (const name of left) console.log(name);
  process.exit(left.length === 0 ? 0 : 1);
}

// As the SDKs of AWS know it.
const metadata = process.env.AWS_EC2_METADATA_SERVICE_ENDPOINT?.replace(/\/$/, "");
const manager = await startManager(
  {
    settingsPath: values.config,
    settings,
    secrets,
    makeGitHub,
    makeBackends,
    ...(metadata === undefined ? {} : { metadata }),
    broken: () => process.exit(1),
  },
  deps,
);
const end = () => void manager.stop().then(() => process.exit(0));
process.on("SIGTERM", end);
process.on("SIGINT", end);
