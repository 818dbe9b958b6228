/** `muster doctor`: every check at once, each with a time limit of its own; one that fails is a line, not the end. */
import { safe } from "../table.ts";
import { deadline } from "../../manager/deps.ts";
import { awsLoginCheck, regionsCheck, spotRoleCheck } from "./aws/account.ts";
import { machineTypesCheck } from "./aws/machine-types.ts";
import { awsVersionCheck, managerMachineCheck } from "./aws/manager-machine.ts";
import { managerRightsCheck } from "./aws/manager-rights.ts";
import { quotasCheck } from "./aws/quotas.ts";
import { rightsCheck } from "./aws/rights.ts";
import { templatesCheck } from "./aws/templates.ts";
import { capacityCheck, diskCheck, folderCheck, portCheck } from "./computer.ts";
import type { Facts } from "./facts.ts";
import { type CheckId, checkIds, type Finding, Missing } from "./finding.ts";
import { accessCheck, clockCheck, rateCheck, reachCheck, runnerVersionCheck } from "./github.ts";
import {
  here,
  journalCheck,
  leftoversCheck,
  managerCheck,
  setAsideCheck,
  supervisorCheck,
  versionCheck,
} from "./manager.ts";
import { engineCheck, passphraseCheck, pulumiLoginCheck, settingsCheck, stackCheck } from "./stack.ts";
import { isolationCheck, nodeCheck, sessionCheck, toolCheck } from "./tools.ts";

export type Check = (facts: Facts, signal: AbortSignal) => Promise<Finding[]>;

/** By the id under which its own failure is told; one may find things of other ids too. */
export const checks: readonly (readonly [CheckId, Check])[] = [
  ["node", nodeCheck],
  ["npm", toolCheck("npm")],
  ["git", toolCheck("git")],
  ["tar", toolCheck("tar")],
  ["bash", toolCheck("bash")],
  ["isolation", isolationCheck],
  ["session-manager", sessionCheck],
  ["pulumi-engine", engineCheck],
  ["pulumi-login", pulumiLoginCheck],
  ["stack", stackCheck],
  ["passphrase", passphraseCheck],
  ["settings", settingsCheck],
  ["github-reach", reachCheck],
  ["clock", clockCheck],
  ["github-login", accessCheck],
  ["rate-limit", rateCheck],
  ["runner-version", runnerVersionCheck],
  ["aws-login", awsLoginCheck],
  ["aws-regions", regionsCheck],
  ["aws-rights", rightsCheck],
  ["spot-role", spotRoleCheck],
  ["quotas", quotasCheck],
  ["machine-types", machineTypesCheck],
  ["templates", templatesCheck],
  ["manager-rights", managerRightsCheck],
  ["manager-machine", managerMachineCheck],
  ["folder", folderCheck],
  ["disk", diskCheck],
  ["capacity", capacityCheck],
  ["port", portCheck],
  ["supervisor", here(supervisorCheck)],
  ["manager", here(managerCheck)],
  ["version", here(versionCheck)],
  ["version", awsVersionCheck],
  ["journal", here(journalCheck)],
  ["leftovers", here(leftoversCheck)],
  ["set-aside", here(setAsideCheck)],
];

/** Of Pulumi's calls on a busy computer. */
export const checkMs = 90_000;

const guarded = async (
  [id, check]: (typeof checks)[number],
  facts: Facts,
  limitMs: number,
): Promise<Finding[]> => {
  const limit = deadline(facts.deps.manager.clock, limitMs, "this check");
  const late = new Promise<never>((_, reject) =>
    limit.signal.addEventListener("abort", () => reject(limit.signal.reason as Error), { once: true }),
  );
  late.catch(() => {});
  try {
    return await Promise.race([check(facts, limit.signal), late]);
  } catch (error) {
    if (error instanceof Missing)
      return [{ id, level: "skipped", found: `not looked at: ${error.message}`, cure: "" }];
    const wrong = (error as { wrong?: unknown }).wrong !== undefined;
    if (wrong) return [{ id, level: "skipped", found: "not looked at: the settings are wrong", cure: "" }];
    const why = safe(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error), 300);
    return [
      {
        id,
        level: "warning",
        found: `could not be looked at: ${why}`,
        cure: "run the doctor again; the rest of its lines stand",
      },
    ];
  } finally {
    limit.done();
  }
};

/** In the order of {@link checkIds}. Never rejects. */
export const examine = async (facts: Facts, limitMs = checkMs, wanted = checks): Promise<Finding[]> => {
  const found = await Promise.all(wanted.map((check) => guarded(check, facts, limitMs)));
  const place = ({ id }: Finding) => checkIds.indexOf(id);
  return found.flat().sort((a, b) => place(a) - place(b));
};
