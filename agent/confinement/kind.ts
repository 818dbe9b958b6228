/** How jobs of this computer are kept apart from the manager, from its user and from each other. */
import type { ConfinementKind } from "../protocol.ts";

export interface Confinement {
  kind: ConfinementKind;
  /** Why each better kind is not to be had here: one sentence each, with its cure. */
  refused: readonly string[];
}

/** For a line in an output. */
export const describeConfinement = ({ kind }: Pick<Confinement, "kind">): string =>
  ({
    "own-uid": "each job under a user id of its own, in namespaces of its own",
    "user-namespace": "each job in a user namespace of its own, without this user's files and processes",
    none: "not to be had on this computer: jobs run as this user and can read what it can",
  })[kind];

/** The user that a job believes to be, as on GitHub's own runners. */
export const jobUser = "runner";

/** Where a confined job finds its machine: neutral, because the way to the real folders is closed to it. */
export const inside = { root: "/runner", home: `/home/${jobUser}`, tmp: "/tmp" } as const;

/** In a user namespace every name is free; this one is that of GitHub's own runners. */
const namespaceUid = 1001;
/** systemd's list of uids (UIDS-GIDS) has no use for 1879048192 to 2147483647. */
const firstUid = 1_900_000_000;
const livesApart = 16;

/**
 * The uid (and gid) of one job: no other process of this computer has it. Pids of living agents differ, and a machine's
 * next job never has its predecessor's.
 *
 * @param agent pid of the machine's agent, at most 2^22 on Linux
 * @param life counts this machine's jobs
 */
export const jobUid = (kind: ConfinementKind, agent: number, life: number): number =>
  kind === "user-namespace" ? namespaceUid : firstUid + agent * livesApart + (life % livesApart);
