/** The job's log: lines with their times, masked, sent in batches and kept until GitHub has them. */
import type { Deps } from "../common/deps.ts";
import type { Masker } from "./mask.ts";

export interface JobLog {
  /** One or more lines; secrets are taken out. */
  write(text: string): void;
  error(text: string): void;
  /** Sends what is left; resolves also when GitHub does not take it. */
  close(): Promise<void>;
}

/** Lines are sent this often at most; each failure doubles the pause, up to 16 times this. */
const batchMs = 300;
/** How often the last lines are tried. */
const lastAttempts = 4;
/** Lines kept while GitHub cannot be reached; older ones are dropped and counted. */
const linesMax = 50_000;

/** 2026-01-01T00:00:00.0000000Z, as GitHub's logs have it. */
const stamp = (ms: number) => new Date(ms).toISOString().replace("Z", "0000Z");

/** @param send resolves once the lines are stored; called one at a time. */
export function createLog(send: (lines: string) => Promise<void>, masker: Masker, deps: Deps): JobLog {
  let lines: string[] = [];
  let dropped = 0;
  let failures = 0;
  let sending: Promise<void> | null = null;
  const wake = new AbortController();

  async function flush(): Promise<void> {
    const batch = lines;
    lines = [];
    if (batch.length === 0) return;
    try {
      await send(`${batch.join("\n")}\n`);
      failures = 0;
    } catch {
      failures += 1;
      lines = [...batch, ...lines];
      dropped += Math.max(0, lines.length - linesMax);
      lines = lines.slice(-linesMax);
    }
  }
  async function pump(): Promise<void> {
    await deps.sleep(batchMs * Math.min(16, 2 ** failures), wake.signal).catch(() => undefined);
    await flush();
    sending = null;
    if (lines.length > 0 && !wake.signal.aborted) sending = pump();
  }
  const write = (text: string) => {
    const time = stamp(deps.now());
    for (const line of masker.mask(text).split(/\r?\n/)) lines.push(`${time} ${line}`);
    sending ??= pump();
  };
  return {
    write,
    error: (text) => write(`##[error]${text}`),
    close: async () => {
      if (dropped > 0) write(`##[warning]${dropped} lines were lost while GitHub could not be reached.`);
      wake.abort();
      while (sending !== null) await sending;
      await flush();
      for (let attempt = 1; attempt < lastAttempts && lines.length > 0; attempt += 1) {
        await deps.sleep(batchMs * 2 ** attempt);
        await flush();
      }
    },
  };
}
