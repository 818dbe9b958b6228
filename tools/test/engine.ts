/** Whether the tiers that need the Pulumi engine can run: finding it may take minutes, once for a computer. */
import { EngineMissing, findEngine } from "../engine/find.ts";
import type { Missing } from "./report.ts";

const cure = "curl -fsSL https://get.pulumi.com | sh";

/** null when the engine is here (now); its downloads and builds go to this project's cache. */
export const lacksEngine = async (
  line: (text: string) => void,
  find: typeof findEngine = findEngine,
): Promise<Missing | null> => {
  try {
    const engine = await find({ log: (text) => line(`engine: ${text}`) });
    const plugin = engine.command === "real" ? "" : ", @pulumi/command through the stand-in plugin";
    line(`engine: Pulumi ${engine.version} (${engine.source}${plugin})`);
    return null;
  } catch (error) {
    if (!(error instanceof EngineMissing)) throw error;
    return { why: error.message, cure };
  }
};
