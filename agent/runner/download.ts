/** A file from the network whose digest is known: bounded in time and bytes, checked while it streams. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { Clock } from "./deps.ts";
import type { Limits } from "./limits.ts";

type DownloadLimits = Pick<Limits, "downloadIdleMs" | "downloadMs" | "downloadBytesMax">;

/**
 * Writes what `url` holds to `file`. fetch() follows the redirects that GitHub answers with.
 *
 * @throws when it is too slow, too large, incomplete or has another SHA-256 than `sha256` (hex)
 */
export async function download(
  url: string,
  file: string,
  sha256: string,
  signal: AbortSignal,
  limits: DownloadLimits,
  clock: Clock,
): Promise<void> {
  const limit = new AbortController();
  const abort = (why: string) => () => limit.abort(new Error(`${place(url)}: ${why}`));
  const cancel = clock.after(limits.downloadMs, abort(`not done in ${limits.downloadMs / 1_000} s`));
  const idle = () =>
    clock.after(limits.downloadIdleMs, abort(`no byte for ${limits.downloadIdleMs / 1_000} s`));
  let cancelIdle = idle();
  const output = await open(file, "w", 0o600);
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([signal, limit.signal]),
      headers: { "accept-encoding": "identity" },
    });
    if (!response.ok || !response.body) throw new Error(`${place(url)}: HTTP ${response.status}`);
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const part of response.body as AsyncIterable<Uint8Array>) {
      cancelIdle();
      cancelIdle = idle();
      bytes += part.length;
      if (bytes > limits.downloadBytesMax)
        throw new Error(`${place(url)}: more than ${limits.downloadBytesMax} bytes`);
      hash.update(part);
      await output.writeFile(part);
    }
    const actual = hash.digest("hex");
    if (actual !== sha256) throw new Error(`${place(url)}: SHA-256 is ${actual}, expected ${sha256}`);
  } catch (error) {
    throw limit.signal.aborted ? (limit.signal.reason as Error) : error;
  } finally {
    cancel();
    cancelIdle();
    await output.close();
  }
}

/** Without query and login: these may be secrets. */
const place = (url: string) => {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
};
