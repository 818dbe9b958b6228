/**
 * The role that EC2 Spot needs in an account before the first spot machine is launched by a call: looked up, and made where
 * it is missing. It belongs to the account and not to a stack: there is one, AWS refuses a second, every stack uses the
 * same, and none may take it along.
 */

/** What EC2 Spot calls itself where a role is made for it. */
export const spotService = "spot.amazonaws.com";
/** AWS names the role, in this account and in every other. */
export const spotRoleName = "AWSServiceRoleForEC2Spot";

export interface SpotRoleDeps {
  /** Null: whoever asks may not know. @throws when AWS cannot be asked */
  isThere: () => Promise<boolean | null>;
  /** `taken`: it was there already. @throws when AWS cannot be asked */
  make: () => Promise<"made" | "taken" | "denied">;
  /** A line for people. */
  say: (line: string) => void;
}

/**
 * May be repeated, and another stack may do the same at the same moment. Says something only when it made the role.
 * @throws Error with the cure when it is missing, or nobody can tell, and it may not be made
 */
export const ensureSpotRole = async ({ isThere, make, say }: SpotRoleDeps): Promise<void> => {
  // AWS can deny this look by name where there is no role: what may be made is tried all the same.
  const found = await isThere();
  if (found === true) return;
  const made = await make();
  if (made === "made")
    say(
      `made ${spotRoleName}, the account's role for spot machines; all stacks use it, and no destroy removes it`,
    );
  if (made !== "denied") return;
  const lacking =
    found === null
      ? `These credentials may neither see nor make ${spotRoleName}, the account's role for spot machines`
      : `The account has no ${spotRoleName}, the role for spot machines, and these credentials may not make it`;
  throw new Error(
    `${lacking}. Give them what docs/aws-rights.json lists for it (iam:GetRole, iam:CreateServiceLinkedRole), or let ` +
      `somebody who may run this once for the account, and repeat it with the first of the two: ` +
      `aws iam create-service-linked-role --aws-service-name ${spotService}`,
  );
};
