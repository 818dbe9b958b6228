/** What EC2's error codes mean: one table, a reason and what it closes for each (docs/reasons.md tells people). */
import type { Reason } from "../../world.ts";

/**
 * What a code is about. offer: the entry of the pool. quota: vCPUs of the type's family. market: spot or on demand in all of
 * the account. region: EC2 there. account: everything at AWS.
 */
export type About = "offer" | "quota" | "market" | "region" | "account";
export interface Row {
  reason: Reason;
  about: About;
  /** What to do, where the code alone does not tell people. */
  cure?: string;
}

const row = (reason: Reason, about: About, cure?: string): Row => ({
  reason,
  about,
  ...(cure === undefined ? {} : { cure }),
});
const of = (codes: readonly string[], value: Row) => codes.map((code) => [code, value] as const);

const credentials =
  "the manager's machine has no valid credentials: look at its instance profile, and at its clock";
const moreQuota = "ask for more at Service Quotas, Amazon EC2";

/** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html, and what EC2 Fleet puts into its `Errors`. */
export const codes: Readonly<Record<string, Row>> = Object.fromEntries([
  ...of(
    [
      "InsufficientInstanceCapacity",
      "InsufficientCapacity",
      "InsufficientHostCapacity",
      "InsufficientReservedInstanceCapacity",
      "ReservationCapacityExceeded",
      "UnfulfillableCapacity",
      "SpotMaxPriceTooLow",
    ],
    row("no-capacity", "offer"),
  ),
  ...of(["InsufficientFreeAddressesInSubnet", "InsufficientAddressCapacity"], row("no-address", "offer")),
  ...of(
    [
      "VcpuLimitExceeded",
      "InstanceLimitExceeded",
      "MaxSpotInstanceCountExceeded",
      "SpotInstanceCountExceeded",
    ],
    row("quota", "quota", moreQuota),
  ),
  ...of(
    ["MaxFleetCountExceeded", "FleetLimitExceeded", "VolumeLimitExceeded", "MaxIOPSLimitExceeded"],
    row("quota", "region", moreQuota),
  ),
  ...of(
    ["Unsupported", "UnsupportedOperation", "InvalidInstanceType", "UnsupportedInstanceType"],
    row("unsupported", "offer"),
  ),
  ...of(
    [
      "RequestLimitExceeded",
      "Throttling",
      "ThrottlingException",
      "RequestThrottled",
      "EC2ThrottledException",
      "TooManyRequestsException",
      "BandwidthLimitExceeded",
      "SlowDown",
    ],
    row("throttled", "region"),
  ),
  ...of(
    [
      "InternalError",
      "InternalFailure",
      "InternalServerError",
      "ServiceUnavailable",
      "ServiceUnavailableException",
      "Unavailable",
      "NoAnswer",
      "TimeoutError",
      "RequestTimeout",
      "ECONNREFUSED",
      "ECONNRESET",
      "EHOSTUNREACH",
      "ENETUNREACH",
      "ENOTFOUND",
      "EAI_AGAIN",
      "EPIPE",
      "ETIMEDOUT",
    ],
    row("unavailable", "region"),
  ),
  ...of(
    ["UnauthorizedOperation", "AccessDenied", "AccessDeniedException"],
    row(
      "denied",
      "region",
      "the manager's role lacks a right: run `pulumi up`, or look for a policy of the organisation that forbids it",
    ),
  ),
  ...of(
    ["SsmAccessDenied"],
    row(
      "denied",
      "offer",
      "the manager's role may not read the parameter that names the image: run `pulumi up`, or look for a policy of the organisation that forbids it",
    ),
  ),
  ...of(
    ["SsmInvalidParameter"],
    row("bad-request", "offer", "the entry's `image` must be a parameter of that region that names an image"),
  ),
  ...of(
    ["AuthFailure.ServiceLinkedRoleCreationNotPermitted"],
    row(
      "denied",
      "market",
      "the account lacks the role of EC2 Spot; make it once with `aws iam create-service-linked-role --aws-service-name spot.amazonaws.com`",
    ),
  ),
  ...of(
    [
      "AuthFailure",
      "CredentialsProviderError",
      "ExpiredToken",
      "ExpiredTokenException",
      "RequestExpired",
      "InvalidClientTokenId",
      "SignatureDoesNotMatch",
      "UnrecognizedClientException",
      "MissingAuthenticationToken",
    ],
    row("denied", "account", credentials),
  ),
  ...of(
    ["OptInRequired", "PendingVerification", "Blocked", "AccountDisabled"],
    row("denied", "region", "AWS does not let this account launch here yet: look at its console and mail"),
  ),
  ...of(
    ["InvalidKMSKey.InvalidState", "KMSKeyNotAccessibleFault", "InvalidLaunchTemplateId.NotFound"],
    row("bad-request", "offer", "run `pulumi refresh`, then `pulumi up`"),
  ),
  ...of(["IdempotentParameterMismatch"], row("bad-request", "offer")),
]);

/** What a code means that the table does not name. `status`: of the HTTP answer, where there was one. */
export const rowOf = (code: string, status: number | null = null): Row => {
  const known = codes[code];
  if (known) return known;
  // `Invalid...`, `Missing...` and the like: the call as it stands is wrong, for this entry.
  if (/^(Invalid|Missing|Malformed|Incorrect|Unknown|Validation|Dependency|OperationNotPermitted)/.test(code))
    return row("bad-request", "offer");
  if (status !== null && status >= 500) return row("unavailable", "region");
  return row("unknown", status === null ? "region" : "offer");
};

/** EC2's sentence, with the action that it denies in front and without the blob that only AWS can read. */
export function plainly(message: string): string {
  const denied = /perform: (\S+?:\w+)/.exec(message)?.[1];
  const text = message.replace(/\s*Encoded authorization failure message: \S+/, "").trim();
  return denied === undefined ? text : `${denied} is denied: ${text}`;
}
