/**
 * Enrolment of machines that prove themselves by their cloud's signed document: which machine it is, and whether it may
 * enrol. A document is no secret of long life: a job with rights on its machine can read it. So it counts once, within the
 * boot, and where the network shows addresses from its own address alone.
 *
 * A machine that always exists (`fixed`) outlives its jobs, and whoever was root in one of them may have its document and its
 * session, for ever. Root there can do as its agent does while it runs, and nothing here can tell the two apart; what must not be
 * is that what was taken along is good elsewhere, or later. So of each start of its instance a document counts once, like that of
 * any other machine: an agent that was started again within a start is refused, the machine falls silent, and is stopped and
 * started anew. What was signed in an earlier start is older than this one's beginning, which EC2 tells (LaunchTime), and
 * sessions carry the start that they were given in. Without a whole journal nobody knows whether the document of a present
 * start was used: that start is spent, ends after its job, and the next one counts again.
 */
import type { EnrollRequest } from "../../protocol.ts";
import { offerKey } from "../backends/aws/scopes.ts";
import type { Deps } from "../deps.ts";
import { Refused } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { isAlive, type Machine, type Ms, type World } from "../world.ts";
import type { RegionCertificates } from "./aws-certificates.ts";
import { type AwsDocument, readDocument } from "./aws-document.ts";
import type { OwnAccount } from "./own-account.ts";

/** Why a document gets its machine nothing; for the log, never for the caller. */
export type DocumentRefusal =
  | "unreadable"
  | "unknown-region"
  | "forged"
  | "foreign-account"
  | "other-machine"
  | "future"
  | "stale"
  | "not-launched"
  | "foreign-region"
  | "finished"
  | "spent"
  | "foreign-address"
  | "replayed";

export interface Documents {
  /** Whether this machine can enrol by a document alone. */
  prove(machine: Machine): boolean;
  /**
   * The machine whose document the request holds.
   *
   * @param place the caller's address; empty where none counts
   * @throws Refused, in the same words whatever is wrong
   */
  admit(request: EnrollRequest, document: string, place: string): Admitted;
}

export interface Admitted {
  machine: Machine;
  /** When its instance was started, as its cloud signed it. */
  sinceMs: Ms;
}

export interface DocumentsOptions {
  world: () => World;
  certificates: RegionCertificates;
  account: OwnAccount;
  /** The backend whose machines are named by their instance ids. */
  backend: string;
  limits: Limits;
  deps: Deps;
}

type Verdict =
  | ({ is: "machine" } & Admitted)
  /** Soon it may be another. */
  | { is: "wait"; why: string }
  | { is: "refused"; why: DocumentRefusal; detail: string };

const waitSeconds = 5;

export function makeDocuments(options: DocumentsOptions): Documents {
  const { world, certificates, account, backend, limits, deps } = options;

  const judge = (request: EnrollRequest, text: string, place: string): Verdict => {
    const refused = (why: DocumentRefusal, detail: string): Verdict => ({ is: "refused", why, detail });
    const read = readDocument(text, certificates);
    if (read.is !== "signed") return refused(read.is, read.detail);
    const { document } = read;
    const own = account.now();
    if (own === null) return { is: "wait", why: "this manager's own account is not known yet" };
    if (document.accountId !== own)
      return refused("foreign-account", `it is of the account ${document.accountId}`);
    if (document.instanceId !== request.machine)
      return refused("other-machine", `it is of ${document.instanceId}`);
    const now = deps.clock.now();
    const pendingMs = Date.parse(document.pendingTime);
    if (pendingMs > now + limits.clockSkewMs) return refused("future", `it began at ${document.pendingTime}`);
    if (now - pendingMs > limits.bootDeadlineMs + limits.clockSkewMs)
      return refused("stale", `it began at ${document.pendingTime}`);
    const believed = world();
    const machine = believed.machines[document.instanceId];
    if (machine?.backend !== backend) {
      if (mayComeToBeKnown(believed, backend, document.instanceId))
        return { is: "wait", why: "a launch has not been answered yet" };
      return refused("not-launched", "this stack did not launch it");
    }
    const why = against(machine, document, place);
    if (why) return refused(...why);
    return { is: "machine", machine, sinceMs: pendingMs };
  };

  const against = (
    machine: Machine,
    document: AwsDocument,
    place: string,
  ): [DocumentRefusal, string] | null => {
    const regions = regionsOf(machine, world());
    if (!regions.has(document.region))
      return ["foreign-region", `it is of ${document.region}, not ${[...regions].join()}`];
    // Older than its launch: of another life of an instance, or made up.
    if (Date.parse(document.pendingTime) < machine.askedMs - limits.clockSkewMs)
      return ["stale", `it began at ${document.pendingTime}, before it was launched`];
    if (!isAlive(machine)) return ["finished", `the machine is ${machine.stage}`];
    if (machine.spent) return ["spent", "it was launched before the journal was complete"];
    if (place !== "" && place !== document.privateIp)
      return ["foreign-address", `its own address is ${document.privateIp}`];
    // The first use wins; until the first sync a repeat from the same place is the agent whose answer was lost.
    if (machine.enrolledMs !== null && (machine.introduced || machine.address !== place))
      return ["replayed", `it enrolled before${machine.address === "" ? "" : ` from ${machine.address}`}`];
    return null;
  };

  return {
    prove: (machine) => machine.backend === backend,
    admit: (request, text, place) => {
      const verdict = judge(request, text, place);
      if (verdict.is === "machine") return verdict;
      const { why } = verdict;
      const detail = verdict.is === "refused" ? verdict.detail : null;
      deps.log.warn({ machine: request.machine, address: place, why, detail }, "an enrolment was refused");
      if (verdict.is === "wait")
        throw new Refused(503, "busy", "This machine is not known yet: come again.", waitSeconds);
      throw new Refused(401, "unknown-machine", "This is not a machine that this manager waits for.");
    },
  };
}

/**
 * A machine of ours can call before the call that launched it was answered, or before a new manager saw a list; one that always
 * exists also before the first list after somebody else started it.
 */
const mayComeToBeKnown = ({ config, views, launches }: World, backend: string, id: string): boolean =>
  views[`backend:${backend}`]?.is !== "fresh" ||
  Object.values(config.pools).some(({ backends }) =>
    backends.some((entry) => entry.kind === "aws" && entry.fixed.includes(id)),
  ) ||
  Object.values(launches).some((launch) => launch.backend === backend && launch.is !== "settled");

/** Where this machine can be: the region of the entry that its offer names, else those of all entries. */
function regionsOf({ pool, offer }: Machine, { config }: World): ReadonlySet<string> {
  const entries = Object.entries(config.pools).flatMap(([of, { backends }]) =>
    backends.flatMap((entry) =>
      entry.kind === "aws" ? [{ of, name: entry.name, region: entry.region }] : [],
    ),
  );
  const named = entries.filter(({ of, name }) => of === pool && offer === offerKey(of, name));
  return new Set((named.length > 0 ? named : entries).map(({ region }) => region));
}
