/** The runner's archive: where it is and its digest, as GitHub says it (REST runners/downloads). */
import * as z from "zod";
import type { Archive } from "../../protocol.ts";
import type { Deps } from "../deps.ts";
import type { Ms } from "../world.ts";
import { GitHubError, unreadable } from "./errors.ts";
import type { Rest } from "./login.ts";
import { orAborted } from "./pauses.ts";
import type { Timings } from "./timings.ts";
import type { Target } from "./url.ts";

const download = z.object({
  os: z.string(),
  architecture: z.string(),
  download_url: z.url({ protocol: /^https?$/ }),
  filename: z.string(),
  sha256_checksum: z
    .string()
    .transform((digest) => digest.toLowerCase())
    .pipe(z.string().regex(/^[0-9a-f]{64}$/))
    .nullable()
    .catch(null)
    .default(null),
});
type Download = z.infer<typeof download>;

/** The archive for `x64` or `arm64` Linux. @throws GitHubError */
export type Archives = (arch: string, signal: AbortSignal) => Promise<Archive>;

/** Asked for once a day and in the background; what was last known serves until GitHub answers again. */
export function makeArchives(rest: () => Rest, target: Target, timings: Timings, deps: Deps): Archives {
  let known: readonly Download[] | null = null;
  let dueMs: Ms = 0;
  let asking: Promise<readonly Download[]> | null = null;

  const ask = async () => {
    const what = `listing the runner's archives of ${target.url}`;
    dueMs = deps.clock.now() + timings.archiveRetryMs;
    const route = `GET ${target.path}/actions/runners/downloads`;
    const answer = z
      .array(download)
      .safeParse(await rest().call({ what, route }, new AbortController().signal));
    if (!answer.success) throw unreadable(what, z.prettifyError(answer.error));
    known = answer.data;
    dueMs = deps.clock.now() + timings.archiveFreshMs;
    return known;
  };
  const refresh = () => (asking ??= ask().finally(() => (asking = null)));

  return async (arch, signal) => {
    if (known && deps.clock.now() >= dueMs) {
      refresh().catch((error: unknown) => {
        deps.log.warn(
          { why: (error as Error).message },
          "no news of runner versions; the last known one is used",
        );
      });
    }
    const all = known ?? (await orAborted(refresh(), signal));
    return archiveOf(all, arch, target);
  };
}

function archiveOf(all: readonly Download[], arch: string, target: Target): Archive {
  const found = all.find(({ os, architecture }) => os === "linux" && architecture === arch);
  const refuse = (why: string) => new GitHubError(why, { reason: "unsupported" });
  if (!found) {
    const known = all.map(({ os, architecture }) => `${os} ${architecture}`).join(", ");
    throw refuse(`${target.url} offers no runner for linux ${arch}. It offers: ${known || "nothing"}`);
  }
  const version = /-(\d+\.\d+\.\d+)\.(?:tar\.gz|zip)$/.exec(found.filename)?.[1];
  if (version === undefined || found.sha256_checksum === null)
    throw refuse(
      `${found.filename} comes without a version or a SHA-256; an archive that cannot be checked is not used`,
    );
  return { version, sha256: found.sha256_checksum, urls: [found.download_url] };
}
