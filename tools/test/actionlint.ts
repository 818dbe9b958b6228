/** Whether the tier that lints workflows can run: its program may have to be built, once for a computer. */
import { ActionlintMissing, findActionlint } from "../actionlint/find.ts";
import type { Missing } from "./report.ts";

/** null when actionlint is here (now). */
export const lacksActionlint = async (
  line: (text: string) => void,
  find: typeof findActionlint = findActionlint,
): Promise<Missing | null> => {
  try {
    await find({ log: line });
    return null;
  } catch (error) {
    if (!(error instanceof ActionlintMissing)) throw error;
    return { why: error.message, cure: "sudo apt-get install -y golang-go" };
  }
};
