/** One fleet call, or the start of machines that always exist: what it brought, and why not more. */
import type { CreateFleetError, CreateFleetCommandOutput } from "@aws-sdk/client-ec2";
import type { Failure } from "../../facts.ts";
import type { LaunchAnswer } from "../../ports.ts";
import type { LaunchRequest, Reason } from "../../world.ts";
import { CallFailed, type Calls } from "./calls.ts";
import { codes, rowOf } from "./reasons.ts";
import type { Prepared, PreparedStart } from "./request.ts";
import { classifyAws, type Place, scopesAbout, sentence } from "./scopes.ts";
import { startSlots } from "./slots.ts";

/** @throws CallFailed when nothing is known of the outcome */
export async function launchFleet(
  launch: string,
  request: LaunchRequest,
  calls: Calls,
  signal: AbortSignal,
): Promise<LaunchAnswer> {
  if (request.prepared === undefined) {
    const detail = `launch ${launch} was asked for by settings that name no such entry of ${request.pool}`;
    const scope = { on: "offer", key: request.offer } as const;
    return { machines: [], failures: [{ reason: "bad-request", scope, detail, retryAfterMs: null }] };
  }
  const prepared = JSON.parse(request.prepared) as Prepared | PreparedStart;
  if ("start" in prepared) return startSlots(request, prepared, calls, signal);
  const { region, market, zones, input } = prepared;
  const place: Place = { region, market, offer: request.offer };
  try {
    const call = { region, action: "CreateFleet", kind: "launch" } as const;
    const answer = await calls.make(call, signal, (ec2, heeded) => ec2.createFleet(input, heeded));
    return answered(answer, request.machines.length, place, zones);
  } catch (error) {
    if (isRefusal(error)) return { machines: [], failures: [classifyAws(error, place)] };
    throw error;
  }
}

/**
 * EC2 said no, or was never asked: nothing came of this call. Of a token that it knows with other parameters something may
 * have come; of its own faults as well. A call too many, which EC2 answers with 503, never got so far.
 */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof CallFailed)) return false;
  if (!error.sent || error.code === "CredentialsProviderError") return true;
  if (error.code === "IdempotentParameterMismatch") return false;
  if (error.status !== null && rowOf(error.code, error.status).reason === "throttled") return true;
  return error.status !== null && error.status >= 400 && error.status < 500;
}

/** What EC2's answer says, for as many machines as were asked for. */
export function answered(
  { Instances = [], Errors = [] }: Pick<CreateFleetCommandOutput, "Instances" | "Errors">,
  asked: number,
  place: Place,
  zones: Prepared["zones"] = {},
): LaunchAnswer {
  const machines = [...new Set(Instances.flatMap(({ InstanceIds = [] }) => InstanceIds))];
  // Some of many pools are always empty; that counts only when machines are missing.
  const missing = asked - machines.length;
  return { machines, failures: missing > 0 ? failuresOf(Errors, machines.length, asked, place, zones) : [] };
}

/** Of several reasons for which an offer gave nothing, the one that waiting cures least tells people most. */
const gravest: readonly Reason[] = [
  "denied",
  "bad-request",
  "no-capacity",
  "no-address",
  "unsupported",
  "throttled",
  "unavailable",
  "unknown",
];

function failuresOf(
  errors: readonly CreateFleetError[],
  came: number,
  asked: number,
  place: Place,
  zones: Prepared["zones"],
): Failure[] {
  const failures = new Map<string, Failure>();
  const ofOffer: { reason: Reason; detail: string }[] = [];
  for (const error of errors) {
    const code = error.ErrorCode ?? "Unknown";
    const { InstanceType: type, SubnetId: subnet = "" } = error.LaunchTemplateAndOverrides?.Overrides ?? {};
    const { reason, about, cure } = codes[code] ?? rowOf(code, 400);
    const zone = zones[subnet] ?? "";
    const where = type === undefined ? "" : ` (${[type, zone].filter((text) => text !== "").join(" in ")})`;
    const detail = `${sentence(code, error.ErrorMessage ?? "no more is said", cure)}${where}`;
    const scopes = scopesAbout(about, { ...place, types: type === undefined ? [] : [type] });
    for (const scope of scopes) {
      if (scope.on === "offer") ofOffer.push({ reason, detail });
      else failures.set(`${scope.on}:${scope.key}`, { reason, scope, detail, retryAfterMs: null });
    }
  }
  const scope = { on: "offer", key: place.offer! } as const;
  const worst = ofOffer.sort((a, b) => gravest.indexOf(a.reason) - gravest.indexOf(b.reason))[0];
  if (worst) return [...failures.values(), { ...worst, scope, retryAfterMs: null }];
  if (failures.size > 0) return [...failures.values()];
  const detail = `EC2 gave ${came} of ${asked} machines in ${place.region} and did not say why`;
  return [{ reason: "no-capacity", scope, detail, retryAfterMs: null }];
}
