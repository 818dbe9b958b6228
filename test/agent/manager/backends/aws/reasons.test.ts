import { describe, expect, test } from "vitest";
import { CallFailed } from "../../../../../agent/manager/backends/aws/calls.ts";
import { quotaGroup } from "../../../../../agent/manager/backends/aws/families.ts";
import { codes, plainly, rowOf } from "../../../../../agent/manager/backends/aws/reasons.ts";
import { classifyAws } from "../../../../../agent/manager/backends/aws/scopes.ts";
import { ec2Error } from "./fake.ts";

const region = "eu-central-1";
const failure = (code: string, status = 400, message = "said") =>
  classifyAws(new CallFailed({ region, action: "CreateFleet" }, true, ec2Error(code, message, status)), {
    market: "spot",
    offer: "aws:a:one",
    types: ["g5g.xlarge"],
  });

const expected: Record<string, [string, string]> = {
  InsufficientInstanceCapacity: ["no-capacity", "offer:aws:a:one"],
  InsufficientCapacity: ["no-capacity", "offer:aws:a:one"],
  InsufficientHostCapacity: ["no-capacity", "offer:aws:a:one"],
  InsufficientReservedInstanceCapacity: ["no-capacity", "offer:aws:a:one"],
  ReservationCapacityExceeded: ["no-capacity", "offer:aws:a:one"],
  UnfulfillableCapacity: ["no-capacity", "offer:aws:a:one"],
  SpotMaxPriceTooLow: ["no-capacity", "offer:aws:a:one"],
  InsufficientFreeAddressesInSubnet: ["no-address", "offer:aws:a:one"],
  InsufficientAddressCapacity: ["no-address", "offer:aws:a:one"],
  VcpuLimitExceeded: ["quota", "quota:aws:eu-central-1:spot:g"],
  InstanceLimitExceeded: ["quota", "quota:aws:eu-central-1:spot:g"],
  MaxSpotInstanceCountExceeded: ["quota", "quota:aws:eu-central-1:spot:g"],
  SpotInstanceCountExceeded: ["quota", "quota:aws:eu-central-1:spot:g"],
  MaxFleetCountExceeded: ["quota", "backend:aws:eu-central-1"],
  FleetLimitExceeded: ["quota", "backend:aws:eu-central-1"],
  VolumeLimitExceeded: ["quota", "backend:aws:eu-central-1"],
  MaxIOPSLimitExceeded: ["quota", "backend:aws:eu-central-1"],
  Unsupported: ["unsupported", "offer:aws:a:one"],
  UnsupportedOperation: ["unsupported", "offer:aws:a:one"],
  InvalidInstanceType: ["unsupported", "offer:aws:a:one"],
  UnsupportedInstanceType: ["unsupported", "offer:aws:a:one"],
  RequestLimitExceeded: ["throttled", "backend:aws:eu-central-1"],
  Throttling: ["throttled", "backend:aws:eu-central-1"],
  ThrottlingException: ["throttled", "backend:aws:eu-central-1"],
  RequestThrottled: ["throttled", "backend:aws:eu-central-1"],
  EC2ThrottledException: ["throttled", "backend:aws:eu-central-1"],
  TooManyRequestsException: ["throttled", "backend:aws:eu-central-1"],
  BandwidthLimitExceeded: ["throttled", "backend:aws:eu-central-1"],
  SlowDown: ["throttled", "backend:aws:eu-central-1"],
  InternalError: ["unavailable", "backend:aws:eu-central-1"],
  InternalFailure: ["unavailable", "backend:aws:eu-central-1"],
  InternalServerError: ["unavailable", "backend:aws:eu-central-1"],
  ServiceUnavailable: ["unavailable", "backend:aws:eu-central-1"],
  ServiceUnavailableException: ["unavailable", "backend:aws:eu-central-1"],
  Unavailable: ["unavailable", "backend:aws:eu-central-1"],
  NoAnswer: ["unavailable", "backend:aws:eu-central-1"],
  TimeoutError: ["unavailable", "backend:aws:eu-central-1"],
  RequestTimeout: ["unavailable", "backend:aws:eu-central-1"],
  ECONNREFUSED: ["unavailable", "backend:aws:eu-central-1"],
  ECONNRESET: ["unavailable", "backend:aws:eu-central-1"],
  EHOSTUNREACH: ["unavailable", "backend:aws:eu-central-1"],
  ENETUNREACH: ["unavailable", "backend:aws:eu-central-1"],
  ENOTFOUND: ["unavailable", "backend:aws:eu-central-1"],
  EAI_AGAIN: ["unavailable", "backend:aws:eu-central-1"],
  EPIPE: ["unavailable", "backend:aws:eu-central-1"],
  ETIMEDOUT: ["unavailable", "backend:aws:eu-central-1"],
  UnauthorizedOperation: ["denied", "backend:aws:eu-central-1"],
  AccessDenied: ["denied", "backend:aws:eu-central-1"],
  AccessDeniedException: ["denied", "backend:aws:eu-central-1"],
  SsmAccessDenied: ["denied", "offer:aws:a:one"],
  SsmInvalidParameter: ["bad-request", "offer:aws:a:one"],
  "AuthFailure.ServiceLinkedRoleCreationNotPermitted": ["denied", "backend:aws:spot"],
  AuthFailure: ["denied", "backend:aws"],
  CredentialsProviderError: ["denied", "backend:aws"],
  ExpiredToken: ["denied", "backend:aws"],
  ExpiredTokenException: ["denied", "backend:aws"],
  RequestExpired: ["denied", "backend:aws"],
  InvalidClientTokenId: ["denied", "backend:aws"],
  SignatureDoesNotMatch: ["denied", "backend:aws"],
  UnrecognizedClientException: ["denied", "backend:aws"],
  MissingAuthenticationToken: ["denied", "backend:aws"],
  OptInRequired: ["denied", "backend:aws:eu-central-1"],
  PendingVerification: ["denied", "backend:aws:eu-central-1"],
  Blocked: ["denied", "backend:aws:eu-central-1"],
  AccountDisabled: ["denied", "backend:aws:eu-central-1"],
  "InvalidKMSKey.InvalidState": ["bad-request", "offer:aws:a:one"],
  KMSKeyNotAccessibleFault: ["bad-request", "offer:aws:a:one"],
  "InvalidLaunchTemplateId.NotFound": ["bad-request", "offer:aws:a:one"],
  IdempotentParameterMismatch: ["bad-request", "offer:aws:a:one"],
};

test("every code of the table is tried here", () => {
  expect(Object.keys(expected).sort()).toEqual(Object.keys(codes).sort());
});

test.each(Object.entries(expected))("%s: %s", (code, [reason, scope]) => {
  const { reason: found, scope: where, detail } = failure(code);
  expect([found, `${where.on}:${where.key}`]).toEqual([reason, scope]);
  expect(detail).toContain(code);
});

describe("a code that the table does not name", () => {
  test.each([
    ["InvalidParameterValue", 400, "bad-request", "offer"],
    ["MissingParameter", 400, "bad-request", "offer"],
    ["SomethingNew", 503, "unavailable", "region"],
    ["SomethingNew", 400, "unknown", "offer"],
  ] as const)("%s with %i", (code, status, reason, about) => {
    expect(rowOf(code, status)).toEqual({ reason, about });
  });
  test("without an answer it says nothing of the offer", () => {
    expect(rowOf("EWHATEVER")).toEqual({ reason: "unknown", about: "region" });
  });
});

test("throttling never closes an offer", () => {
  for (const [code, { reason, about }] of Object.entries(codes))
    if (reason === "throttled") expect(about, code).toBe("region");
});

test("a denial names its action first, and leaves out what only AWS can read", () => {
  const said =
    "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/m/i-1 is not authorized to " +
    "perform: ec2:RunInstances on resource: arn:aws:ec2:eu-central-1:1:instance/* because no identity-based policy allows " +
    "the ec2:RunInstances action. Encoded authorization failure message: AbCd-123_x";
  expect(plainly(said)).toMatch(/^ec2:RunInstances is denied: You are/);
  expect(plainly(said)).not.toContain("AbCd");
  expect(failure("UnauthorizedOperation", 403, said).detail).toContain("ec2:RunInstances is denied");
});

test("a missing Spot role comes with the command that makes it", () => {
  expect(failure("AuthFailure.ServiceLinkedRoleCreationNotPermitted").detail).toContain(
    "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com",
  );
});

test.each([
  ["c8g.2xlarge", "standard"],
  ["im4gn.large", "standard"],
  ["d3.xlarge", "standard"],
  ["i4i.large", "standard"],
  ["t4g.nano", "standard"],
  ["g5g.2xlarge", "g"],
  ["gr6.4xlarge", "g"],
  ["vt1.3xlarge", "g"],
  ["p5.48xlarge", "p"],
  ["inf2.xlarge", "inf"],
  ["trn1.2xlarge", "trn"],
  ["dl1.24xlarge", "dl"],
  ["x2gd.medium", "x"],
  ["f2.6xlarge", "f"],
  ["hpc7g.4xlarge", "hpc"],
  ["u-6tb1.metal", "high-memory"],
])("%s counts in the quota of %s", (type, group) => {
  expect(quotaGroup(type)).toBe(group);
});
