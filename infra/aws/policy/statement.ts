/** The parts of a policy, and what they are made of. */
import type { AwsBackend } from "../../../agent/manager-config.ts";

export interface Statement {
  Sid: string;
  Effect: "Allow";
  Action: string[];
  Resource: string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}
export interface PolicyDocument {
  Version: "2012-10-17";
  Statement: Statement[];
}

export interface ManagerPolicyArgs {
  /** The manager's. */
  region: string;
  /** `PROJECT/STACK`, as the tag has it. */
  stack: string;
  /** Entries of pools as the manager reads them; those of fixed machines launch nothing. */
  backends: readonly Pick<AwsBackend, "region" | "template" | "subnets" | "fixed">[];
  /** Public or own SSM parameters that templates take their image from. */
  imageParameters: readonly { region: string; name: string }[];
  /** Roles of pools that insist on an instance profile; their jobs have these rights. */
  passedRoles: readonly string[];
  /** Names, each beginning with a slash or not: the hashes of programs, and the secrets. */
  parameters: readonly string[];
  /** Names. */
  buckets: { manager: string; cache: string };
  logGroup: string;
  /** ARN of the customer key; null for the keys of AWS. */
  kmsKeyId: string | null;
}
