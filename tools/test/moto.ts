/** Whether the tiers that need moto, which plays AWS, can run. */
import { findMoto, MotoMissing } from "../moto/find.ts";
import type { Missing } from "./report.ts";

/** null when moto is here (now); it is installed into this project's cache. */
export const lacksMoto = async (
  line: (text: string) => void,
  find: typeof findMoto = findMoto,
): Promise<Missing | null> => {
  try {
    await find({ log: (text) => line(`moto: ${text}`) });
    return null;
  } catch (error) {
    if (!(error instanceof MotoMissing)) throw error;
    return { why: error.message, cure: error.cure };
  }
};
