/** The shape of each section of the settings. Every message says what is allowed, since it stands behind the value. */
import * as z from "zod";
import { jobSources } from "../agent/manager-config.ts";
import { gpuVendors } from "../agent/protocol.ts";

/** Places that the design knows and that this version cannot use. */
export const laterManagers = ["aws", "hetzner", "host"] as const;
export const laterBackends = ["aws", "hetzner", "hosts"] as const;

const wholeNumber = (min: number, max: number) => {
  const allowed = `allowed is a whole number from ${min} to ${max}`;
  return z.int(allowed).min(min, allowed).max(max, allowed);
};
const yesOrNo = z.boolean("allowed is true or false");

const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3_600 };
const durationAllowed =
  "allowed is a duration from 1s to 120h: a number with s, m or h, such as 30s, 5m or 6h";
/** `30s`, `5m`, `6h` -> seconds. */
const duration = z
  .string(durationAllowed)
  .regex(/^\d{1,6}(\.\d{1,3})?[smh]$/, durationAllowed)
  .transform((text) => Number(text.slice(0, -1)) * unitSeconds[text.at(-1)!]!)
  .refine((seconds) => seconds >= 1 && seconds <= 120 * 3_600, durationAllowed);

const urlAllowed =
  "allowed is where runners are registered: https://github.com/OWNER/REPOSITORY, https://github.com/ORGANISATION, " +
  "https://HOST/enterprises/NAME or the same at GitHub Enterprise";
export const isLoopback = (url: string) => {
  const { hostname } = new URL(url);
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
};

const isGitHubUrl = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash)
    return false;
  // A token sent to http://github.com is on the wire before the redirect to https comes.
  if (url.protocol === "http:" && !isLoopback(text)) return false;
  return /^\/[\w.-]+(\/[\w.-]+)?\/?$/.test(url.pathname);
};

export const github = z.strictObject({
  url: z.string(urlAllowed).refine(isGitHubUrl, urlAllowed),
  app: z.strictObject({ id: wholeNumber(1, 1e12), installation: wholeNumber(1, 1e12) }).optional(),
  /** Scale sets, unless GitHub drops their labels. */
  source: z.enum(jobSources).default("auto"),
});

const listOfPaths = "allowed is a list of paths that jobs may read";
const path = z.string(listOfPaths).min(1, listOfPaths);

export const manager = z.strictObject({
  on: z.literal("local", "allowed is local").default("local"),
  port: wholeNumber(1, 65_535).default(7_117),
  /** Relative to the checkout. */
  directory: z.string("allowed is the path of a folder").min(1, "allowed is the path of a folder").optional(),
  drainTimeout: duration.default(600),
  /** Relative to the checkout. */
  readable: z.array(path, listOfPaths).default([]),
});

const labelAllowed = "allowed is a label of 1 to 64 letters, digits, dots, dashes and underscores";
const label = z.string(labelAllowed).regex(/^[\w.-]{1,64}$/, labelAllowed);

/** `local` or `{ local: {} }`; becomes what the manager reads. */
const backend = z.unknown().transform((value, context) => {
  const object = typeof value === "object" && value !== null ? Object.keys(value) : null;
  const kind = typeof value === "string" ? value : object?.length === 1 ? object[0]! : null;
  const inside = object && kind !== null ? Object.keys((value as Record<string, object>)[kind] ?? {}) : [];
  if (kind === "local" && inside.length === 0) return { kind: "local" } as const;
  const later = laterBackends.find((name) => name === kind);
  const message = later
    ? `the backend ${later} is not built yet; local works`
    : "allowed is local, this computer, which takes no settings of its own";
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});
const listOf = (what: string) => `allowed is a list of at least one ${what}`;

const gpuAllowed = `allowed is true for any graphics processor, or one of ${gpuVendors.join(", ")}`;

/** What a pool leaves out. The times and the group are those of the specification. */
export const pool = z.strictObject({
  /** What `runs-on` names; left out: self-hosted, linux and this computer's architecture. */
  labels: z.array(label, listOf("label")).min(1, listOf("label")).optional(),
  /** Most machines at a time, idle and busy together. */
  // Four jobs at a time is what a common computer bears; more is one setting away.
  max: wholeNumber(0, 1_000).default(4),
  /** Machines that wait without a job, exempt from `idleTimeout`. */
  minIdle: wholeNumber(0, 1_000).default(0),
  idleTimeout: duration.default(300),
  maxJobTime: duration.default(6 * 3_600),
  /** Job after job on one machine, for pools that trust their jobs. */
  reuse: yesOrNo.default(false),
  /** Only machines with a working graphics processor; `false` and nothing: it does not matter (docs/gpu.md). */
  gpu: z
    .union([z.literal(true), z.literal(false).transform(() => null), z.enum(gpuVendors)], gpuAllowed)
    .default(null),
  runnerGroup: z.string("allowed is a group's name").min(1, "allowed is a group's name").default("Default"),
  /** Whether jobs of public repositories, and so anybody's, may run here (docs/access.md). */
  publicRepositories: z.enum(["refuse", "allow"]).default("refuse"),
  /** Others may have labels with which they get this pool's jobs, or this pool theirs (docs/access.md). */
  shareLabels: yesOrNo.default(false),
  backends: z
    .array(backend, listOf("backend"))
    .min(1, listOf("backend"))
    .default([{ kind: "local" }]),
});

const amountAllowed = "allowed is an amount of money per hour, such as 5 or 0.50";
/** What all machines that exist may cost together, each at its dearest. */
export const budget = z.strictObject({
  perHour: z.number(amountAllowed).min(0, amountAllowed).max(1e6, amountAllowed),
  currency: z.enum(["USD", "EUR"]).default("USD"),
});

/** Jobs may run as this user where this computer gives nothing that keeps them apart (docs/local.md). */
export const trustJobs = yesOrNo;

/** Top-level keys with plain values. */
export const sectionNames = ["github", "manager", "pools", "budget", "trustJobs"] as const;

/** Flat keys, always stored with `--secret`. */
export const secretNames = ["githubToken", "githubAppKey"] as const;
export type SecretName = (typeof secretNames)[number];
