/** How this manager confines the jobs of its computer: found out once, said once, and what agents are told. */
import { homedir } from "node:os";
import { dirname } from "node:path";
import { writeConfinement } from "../../../confinement/file.ts";
import { describeConfinement, type Confinement } from "../../../confinement/kind.ts";
import { realSystem, type System } from "../../../confinement/system.ts";
import { planView } from "../../../confinement/view.ts";
import type { ManagerConfig } from "../../../manager-config.ts";
import type { ConfinementOrder } from "../../../protocol.ts";
import type { Deps } from "../../deps.ts";

/** Told to agents, whose jobs then run so (null: as processes of this user); rejects where the settings want more than this computer gives. */
export type Confine = () => Promise<ConfinementOrder | null>;

/** Empty for a user that has none. */
const home = (): string[] => {
  try {
    return [homedir()];
  } catch {
    return [];
  }
};

const hiddenFrom = ({ manager }: ManagerConfig): string[] => [
  manager.directory,
  dirname(manager.socket),
  ...home(),
  ...manager.hidden,
];

/** @param detect tries what this computer gives; asked again only after it gave too little */
export function makeConfine(
  config: () => ManagerConfig,
  detect: () => Promise<Confinement>,
  { log }: Deps,
  system: () => System = realSystem,
): Confine {
  let found: Promise<Confinement> | null = null;
  const look = async () => {
    const confinement = await detect();
    log.info(confinement, `local: jobs are confined: ${describeConfinement(confinement)}`);
    await writeConfinement(config().manager.directory, confinement);
    return confinement;
  };
  return async () => {
    found ??= look();
    const { kind, refused } = await found.catch((error: unknown) => {
      found = null;
      throw error;
    });
    const { manager } = config();
    if (kind === "none" && !manager.unconfined) {
      found = null;
      const message = `jobs cannot be kept apart from this user: ${refused.join("; ")}; or trust them: pulumi config set muster:trustJobs true`;
      throw Object.assign(new Error(message), { code: "EPERM" });
    }
    if (kind === "none") return null;
    // Anew each time: what is mounted and what lies where may change.
    const { directory, readable } = manager;
    return {
      kind,
      view: planView({ machines: directory, readable, hidden: hiddenFrom(config()) }, system()),
    };
  };
}
