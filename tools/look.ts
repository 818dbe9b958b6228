/**
 * `node tools/look.ts engine` or `bundles`: what the doctor wants to know of Pulumi's side, as one JSON line. It makes,
 * downloads and writes nothing.
 */
import { join } from "node:path";
import { bundleDigests } from "../infra/bundle.ts";
import { EngineMissing, findEngine } from "./engine/find.ts";
import { minimumEngineVersion } from "./engine/pins.ts";

const root = join(import.meta.dirname, "..");

const engine = async () => {
  try {
    const { version, source, command, directory } = await findEngine({
      log: () => {},
      ways: ["path", "cache"],
    });
    return { version, source, command, directory };
  } catch (error) {
    if (!(error instanceof EngineMissing)) throw error;
    return { minimum: minimumEngineVersion };
  }
};
const bundles = () => bundleDigests(root).catch((error: Error) => ({ problem: error.message }));

const [what] = process.argv.slice(2);
if (what !== "engine" && what !== "bundles") throw new Error("usage: node tools/look.ts engine|bundles");
console.log(JSON.stringify(await (what === "engine" ? engine() : bundles())));
