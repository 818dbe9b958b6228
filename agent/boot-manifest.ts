/**
 * What a cloud machine asks its manager before it has Node: a shell reads it (cloud-init/runner/boot.sh), so it is lines.
 *
 *   GET /boot/v1/manifest?arch=arm64|x64&pool=POOL    text/plain, lines of NAME SHA256 PLACE
 *   POST /boot-report?machine=ID&pool=POOL&phase=PHASE  text/plain, at most 8 KB: why a boot failed; best effort
 *
 * Both without a login, over TLS with the pinned CA: neither tells a secret, and what is reported counts for nothing.
 * A file has a line for each of its places, in the order in which they are tried: `file:` (a baked image), `https:` (the
 * stack's bucket, presigned; GitHub) or a path of the manager itself, for the agent alone.
 */

/** The runner's archive must bring externals/node24, which runs the agent. */
export const bootFileNames = ["agent.mjs", "runner.tar.gz"] as const;
export type BootFileName = (typeof bootFileNames)[number];

export interface BootFile {
  name: BootFileName;
  /** Hex; what has another digest is never run. */
  sha256: string;
  /** Tried in this order. */
  places: readonly string[];
}

/** Phases of a boot, in order; the report names the one that failed. */
export const bootPhases = [
  "files",
  "users",
  "jobs",
  "trust",
  "identity",
  "manifest",
  "downloads",
  "firewall",
  "start",
] as const;
export type BootPhase = (typeof bootPhases)[number];

/** @throws RangeError for what a line cannot hold */
export const bootManifest = (files: readonly BootFile[]): string =>
  files
    .flatMap(({ name, sha256, places }) => {
      if (!/^[0-9a-f]{64}$/.test(sha256)) throw new RangeError(`${name}: ${sha256} is no SHA-256`);
      return places.map((place) => {
        if (!/^(https:\/\/|file:\/\/\/|\/)[!-~]+$/.test(place))
          throw new RangeError(
            `${name}: ${JSON.stringify(place)} is no https:, file: or path of the manager`,
          );
        return `${name} ${sha256} ${place}\n`;
      });
    })
    .join("");
