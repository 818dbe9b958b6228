/** What the manager's machine last said of itself. */
import { hostStatus, statusKey, type HostStatus } from "../manager-host.ts";
import type { Bucket } from "./ports.ts";

/** Null: it never said anything, or nothing that can be read. */
export const readStatus = async (bucket: Pick<Bucket, "read">): Promise<HostStatus | null> => {
  const text = await bucket.read(statusKey);
  if (text === null) return null;
  try {
    return hostStatus.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
};

/** Milliseconds since it was written; Infinity where there is none. */
export const ageMs = (status: HostStatus | null, nowMs: number): number => {
  const at = status === null ? NaN : Date.parse(status.at);
  return Number.isNaN(at) ? Infinity : nowMs - at;
};
