/** IAM as `ensureSpotRole` asks it. */
import { CreateServiceLinkedRoleCommand, GetRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { asked, client, named } from "../leaving/deployer.ts";
import { spotRoleName, spotService, type SpotRoleDeps } from "./ensure.ts";

const denied = /^AccessDenied(Exception)?$/;
const missing = /^NoSuchEntity(Exception)?$/;
/** AWS answers the first to a second role of a service, "... has been taken in this account ...". */
const invalid = /^InvalidInput(Exception)?$/;
const exists = /^EntityAlreadyExists(Exception)?$/;

const isTaken = (error: unknown) =>
  named(error, exists) || (named(error, invalid) && /has been taken/.test((error as Error).message));

/** @param region of the stack: it tells in which part of AWS the account is (the rest of the world, China ...) */
export const spotRoleAtAws = (region: string): Omit<SpotRoleDeps, "say"> => {
  const iam = new IAMClient(client(region));
  return {
    isThere: () =>
      asked(`looking up ${spotRoleName}`, async () => {
        try {
          await iam.send(new GetRoleCommand({ RoleName: spotRoleName }));
          return true;
        } catch (error) {
          if (named(error, missing)) return false;
          if (named(error, denied)) return null;
          throw error;
        }
      }),
    make: () =>
      asked(`making ${spotRoleName}`, async () => {
        try {
          await iam.send(new CreateServiceLinkedRoleCommand({ AWSServiceName: spotService }));
          return "made";
        } catch (error) {
          // Also when an answer was lost and the SDK asked again.
          if (isTaken(error)) return "taken";
          if (named(error, denied)) return "denied";
          throw error;
        }
      }),
  };
};
