/**
 * What the manager may do at AWS, and nothing else: a pure function, a comment a statement. Where an ARN has `*` for the
 * account: a role has rights in its own account alone, and the program asks AWS nothing about it.
 */
import { launching } from "./policy/launch.ts";
import { machines } from "./policy/machines.ts";
import { operation } from "./policy/operation.ts";
import type { ManagerPolicyArgs, PolicyDocument } from "./policy/statement.ts";
import { keys, storage } from "./policy/storage.ts";

/** IAM's limit for the inline policies of a role, white space aside. */
export const policyCharactersMax = 10_240;

/** Everything that the manager's role allows. */
export const managerPolicy = (args: ManagerPolicyArgs): PolicyDocument => ({
  Version: "2012-10-17",
  Statement: [...launching(args), ...machines(args), ...storage(args), ...keys(args), ...operation(args)],
});
