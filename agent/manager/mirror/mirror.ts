/**
 * GitHub's runner in the stack's own bucket, once a version: a machine that boots fetches it from there, within the network,
 * and a burst of machines asks GitHub for nothing. Whoever fetches compares the SHA-256 that the manager told, so that the
 * bucket is not believed. Best effort: until it is there, and when anything fails, machines go to GitHub.
 */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as WebStream } from "node:stream/web";
import type { Archive } from "../../protocol.ts";
import { deadline, type Deps } from "../deps.ts";
import type { Ms } from "../world.ts";
import type { Bucket } from "./bucket.ts";

const minute = 60_000;
export const mirrorLimits = {
  /** Long enough for a boot that fetches it after some retries, short enough to be worth nothing in a log. */
  linkSeconds: 900,
  /** Who asks first waits so long for whether it is there. */
  lookMs: 1_000,
  /** An object may be deleted, by its age or by hand: it is looked for again. */
  believedMs: 60 * minute,
  /** What failed is tried again after so long. */
  retryMs: 10 * minute,
  /** Of one archive, download and upload together. Today's have some 200 MB. */
  copyMs: 30 * minute,
  bytesMax: 1024 ** 3,
  /** The journal shares the disk: so much of it stays free. */
  freeBytes: 512 * 1024 ** 2,
};

export interface MirrorOptions {
  /** Null: there is none. */
  bucket: () => { bucket: Bucket; prefix: string } | null;
  /** The manager's folder; files are there only while they are copied. */
  directory: string;
  deps: Pick<Deps, "clock" | "log" | "fetch">;
  limits?: typeof mirrorLimits;
}

export interface Mirror {
  /** Where the archive is besides at GitHub; begins to copy it where it is nowhere else. Never rejects. */
  places(archive: Archive): Promise<readonly string[]>;
  stop(): void;
}

export function makeMirror({ bucket, directory, deps, limits = mirrorLimits }: MirrorOptions): Mirror {
  const { clock, log } = deps;
  const over = new AbortController();
  const seenMs = new Map<string, Ms>();
  const dueMs = new Map<string, Ms>();
  const underWay = new Map<string, Promise<void>>();

  const copy = async (to: Bucket, key: string, { sha256, urls }: Archive, signal: AbortSignal) => {
    const folder = join(directory, "mirror");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `${sha256}.part`);
    try {
      const bytes = await download(urls, sha256, path, signal);
      await to.put(key, { path, bytes, sha256 }, signal);
    } finally {
      await rm(path, { force: true });
    }
  };
  /** @returns its size. @throws what the last place said */
  const download = async (urls: readonly string[], sha256: string, path: string, signal: AbortSignal) => {
    let last: unknown = new Error("GitHub names no place");
    for (const url of urls) {
      try {
        return await fetched(url, sha256, path, signal);
      } catch (error) {
        signal.throwIfAborted();
        last = error;
      }
    }
    throw last;
  };
  const fetched = async (url: string, sha256: string, path: string, signal: AbortSignal) => {
    const answer = await deps.fetch(url, { signal });
    const announced = Number(answer.headers.get("content-length") ?? limits.bytesMax);
    const { bavail, bsize } = await statfs(directory);
    const most = Math.min(limits.bytesMax, bavail * bsize - limits.freeBytes);
    if (!answer.ok || !answer.body || announced > most) {
      await answer.body?.cancel();
      throw new Error(answer.ok ? `no room for ${announced} bytes` : `it is answered with ${answer.status}`);
    }
    const hash = createHash("sha256");
    let bytes = 0;
    const counted = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        bytes += chunk.length;
        hash.update(chunk);
        done(bytes > most ? new Error(`more than ${most} bytes`) : null, chunk);
      },
    });
    const file = createWriteStream(path, { mode: 0o600 });
    await pipeline(Readable.fromWeb(answer.body as WebStream), counted, file, { signal });
    if (hash.digest("hex") !== sha256) throw new Error("what came has another SHA-256");
    return bytes;
  };

  const ensure = async (to: Bucket, key: string, archive: Archive): Promise<void> => {
    const limit = deadline(clock, limits.copyMs, `mirroring the runner ${archive.version}`, over.signal);
    try {
      if (!(await to.has(key, limit.signal))) {
        await copy(to, key, archive, limit.signal);
        log.info({ version: archive.version, key }, "the runner is in the stack's bucket");
      }
      seenMs.set(archive.sha256, clock.now());
    } catch (error) {
      dueMs.set(archive.sha256, clock.now() + limits.retryMs);
      if (over.signal.aborted) return;
      const why = (error as Error).message;
      log.warn({ why, key }, "the runner cannot be mirrored: machines fetch it from GitHub");
    } finally {
      limit.done();
    }
  };

  const isKnown = ({ sha256 }: Archive) =>
    clock.now() - (seenMs.get(sha256) ?? -Infinity) < limits.believedMs;

  return {
    places: async (archive) => {
      const home = bucket();
      if (home === null || over.signal.aborted) return [];
      const { sha256 } = archive;
      const key = `${home.prefix}${sha256}.tar.gz`;
      if (!isKnown(archive) && clock.now() >= (dueMs.get(sha256) ?? 0)) {
        let present = underWay.get(sha256);
        if (!present) {
          present = ensure(home.bucket, key, archive).finally(() => underWay.delete(sha256));
          underWay.set(sha256, present);
        }
        const late = new AbortController();
        await Promise.race([present, clock.sleep(limits.lookMs, late.signal).catch(() => {})]);
        late.abort(new Error("decided"));
      }
      if (!isKnown(archive)) return [];
      return home.bucket.link(key, limits.linkSeconds).then(
        (link) => [link],
        (error: unknown) => {
          log.warn({ why: (error as Error).message }, "no address of the mirrored runner can be signed");
          return [];
        },
      );
    },
    stop: () => over.abort(new Error("the manager stops")),
  };
}
