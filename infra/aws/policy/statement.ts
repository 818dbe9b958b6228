/** The parts of a policy, and what they are made of. */

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

/**
 * Where machines of one entry come from. Only what stays as it is when the entry's template gets a new version: a changed
 * disk or image must not touch the manager's rights.
 */
export interface LaunchPlace {
  region: string;
  /** Id, never a version. */
  template: string;
  /** Ids. */
  subnets: readonly string[];
  /** Its machines always exist: nothing is launched. */
  fixed: boolean;
}

export interface ManagerPolicyArgs {
  /** The manager's. */
  region: string;
  /** `PROJECT/STACK`, as the tag has it. */
  stack: string;
  /** One for each entry of the pools. */
  places: readonly LaunchPlace[];
  /** Public or own SSM parameters that templates take their image from. */
  imageParameters: readonly { region: string; name: string }[];
  /** ARNs of the roles of pools that insist on an instance profile; their jobs have these rights. */
  passedRoles: readonly string[];
  /** Names, each beginning with a slash or not: the hashes of programs, and the secrets. */
  parameters: readonly string[];
  /** Names. */
  buckets: { manager: string; cache: string };
  logGroup: string;
  /** ARN of the customer key; null for the keys of AWS. */
  kmsKeyId: string | null;
}
