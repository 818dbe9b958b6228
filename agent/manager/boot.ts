/** What machines of clouds are told while they boot, and what they tell when that fails. */
import { readFile } from "node:fs/promises";
import { bootManifest } from "../boot-manifest.ts";
import type { Archive } from "../protocol.ts";
import { deadline, type Deps } from "./deps.ts";
import { Refused } from "./errors.ts";
import type { GitHub } from "./ports.ts";
import { type BootHandlers, bundlePath } from "./web/boot.ts";
import { reportLines } from "./history/boots.ts";
import type { BootView } from "./view.ts";
import type { Ms, World } from "./world.ts";

export interface BootOptions {
  world: () => World;
  github: Pick<GitHub, "archive">;
  /**
   * Places of an archive that come before GitHub's own, such as the stack's bucket where it is mirrored; by default none.
   * Only https: and file: ones.
   */
  mirrors?: (archive: Archive) => Promise<readonly string[]>;
  /** Gets what machines say of boots that failed; for people. */
  failed: (view: BootView) => void;
  deps: Deps;
}

/** GitHub may take its time; a machine asks again ten seconds later. */
const archiveMs: Ms = 3_000;
const retrySeconds = 5;
const bundlesKept = 4;

export function makeBoot({ world, github, mirrors, failed, deps }: BootOptions): BootHandlers {
  /** Until when GitHub is not asked again, for it did not say. */
  const silentUntilMs = new Map<string, Ms>();
  /** A machine that was told of a bundle can fetch it also when the next one is there already. */
  const bundles = new Map<string, string>();

  const later = (why: string) =>
    new Refused(503, "busy", `What to run is not known yet (${why}): come again.`, retrySeconds);

  const archiveOf = async (arch: string): Promise<Archive> => {
    if (deps.clock.now() < (silentUntilMs.get(arch) ?? 0)) throw later("GitHub did not say");
    const limit = deadline(deps.clock, archiveMs, "asking GitHub for the runner's archive");
    try {
      return await github.archive(arch, limit.signal);
    } catch (error) {
      silentUntilMs.set(arch, deps.clock.now() + retrySeconds * 1_000);
      deps.log.warn(
        { arch, why: (error as Error).message },
        "machines that boot have to wait: no runner is known",
      );
      throw later("GitHub did not say");
    } finally {
      limit.done();
    }
  };
  const bundle = () => {
    const { sha256, path } = world().config.manager.runnerBundle;
    bundles.delete(sha256);
    bundles.set(sha256, path);
    for (const old of bundles.keys()) if (bundles.size > bundlesKept) bundles.delete(old);
    return sha256;
  };

  return {
    manifest: async (arch, pool) => {
      if (!world().config.pools[pool]) throw new Refused(404, "bad-request", "There is no such pool.");
      const archive = await archiveOf(arch);
      // A shell fetches it, which believes the hash, but nobody shall read along.
      const places = [...((await mirrors?.(archive)) ?? []), ...archive.urls].filter((place) =>
        /^(https|file):\/\//.test(place),
      );
      if (places.length === 0) throw later("GitHub names no place over https");
      const sha256 = bundle();
      return bootManifest([
        { name: "agent.mjs", sha256, places: [bundlePath(sha256)] },
        { name: "runner.tar.gz", sha256: archive.sha256, places },
      ]);
    },
    runnerBundle: async (sha256) => {
      bundle();
      const path = bundles.get(sha256);
      return path === undefined ? null : new Uint8Array(await readFile(path));
    },
    report: ({ machine, pool, phase, text }) => {
      const lines = reportLines(text);
      deps.log.warn({ machine, pool, phase, said: lines }, "a machine says that its boot failed");
      failed({ machine, pool, phase, atMs: deps.clock.now(), lines });
    },
  };
}
