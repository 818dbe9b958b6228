/** The shape of each section of the settings. Every message says what is allowed, since it stands behind the value. */
import * as z from "zod";
import { jobSources } from "../agent/manager-config.ts";
import { gpuVendors } from "../agent/protocol.ts";
import { duration, port, text, wholeNumber, yesOrNo } from "./schema-parts.ts";

/** Places that the design knows and that this version cannot use. */
export const laterManagers = ["hetzner", "host"] as const;
export const laterBackends = ["hetzner", "hosts"] as const;

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
  url: z
    .string(urlAllowed)
    .refine(isGitHubUrl, urlAllowed)
    .meta({
      description: "Where runners are registered: a repository, an organisation or an enterprise.",
      examples: ["https://github.com/acme", "https://github.com/acme/app"],
    }),
  app: z
    .strictObject({
      id: wholeNumber(1, 1e12).meta({ description: "The App's id." }),
      installation: wholeNumber(1, 1e12).meta({ description: "The id of its installation." }),
    })
    .optional()
    .meta({
      description:
        "The GitHub App that the manager logs in as, with `githubAppKey`. Left out: `githubToken`.",
    }),
  source: z.enum(jobSources).default("auto").meta({
    description:
      "How the manager hears of jobs. `auto`: scale sets, and queued runs where GitHub drops their labels.",
  }),
});

const listOfPaths = "allowed is a list of paths that jobs may read";

/** A manager on this computer. */
export const manager = z.strictObject({
  on: z.literal("local", "allowed is local or aws").default("local").meta({
    description: "Where the manager runs. `local`: this computer.",
  }),
  port: port.default(7_117).meta({ description: "Health, metrics and page, on 127.0.0.1." }),
  directory: text("allowed is the path of a folder").optional().meta({
    description:
      "The manager's folder, relative to the checkout. Left out: `.muster/STACK`. `destroy` removes it.",
  }),
  drainTimeout: duration.prefault("10m").meta({ description: "How long `destroy` waits for running jobs." }),
  readable: z.array(text(listOfPaths), listOfPaths).default([]).meta({
    description:
      "Folders and files that confined jobs may read besides the system's, relative to the checkout.",
  }),
});

const labelAllowed = "allowed is a label of 1 to 64 letters, digits, dots, dashes and underscores";
export const label = z.string(labelAllowed).regex(/^[\w.-]{1,64}$/, labelAllowed);
const listOf = (what: string) => `allowed is a list of at least one ${what}`;

const gpuAllowed = `allowed is true for any graphics processor, or one of ${gpuVendors.join(", ")}`;
const groupAllowed = "allowed is a group's name";

/** What a pool leaves out. The times and the group are those of the specification. */
export const pool = z.strictObject({
  labels: z
    .array(label, listOf("label"))
    .min(1, listOf("label"))
    .optional()
    .meta({
      description:
        "What `runs-on` names. Left out: self-hosted, linux and ARM64 or X64 (with a GPU: gpu-arm64 or gpu-x64), as the pool's machines are.",
      examples: [["self-hosted", "linux", "ARM64"]],
    }),
  max: wholeNumber(0, 1_000).optional().meta({
    description: "Most machines at a time, idle and busy together. Left out: 4 on this computer, 10 on AWS.",
  }),
  minIdle: wholeNumber(0, 1_000).default(0).meta({
    description: "Machines that wait without a job, exempt from `idleTimeout`.",
  }),
  idleTimeout: duration.prefault("5m").meta({ description: "A machine without a job ends after this time." }),
  maxJobTime: duration.prefault("6h").meta({ description: "A job that runs longer is ended." }),
  reuse: yesOrNo.default(false).meta({
    description: "Job after job on one machine, for pools that trust their jobs.",
  }),
  gpu: z
    .union([z.literal(true), z.literal(false).transform(() => null), z.enum(gpuVendors)], gpuAllowed)
    .prefault(false)
    .meta({
      description:
        "Only machines with a working graphics processor, of any vendor or of this one. On AWS a GPU type implies it. false: it does not matter.",
    }),
  runnerGroup: text(groupAllowed).default("Default").meta({ description: "Runner group at GitHub." }),
  publicRepositories: z.enum(["refuse", "allow"]).default("refuse").meta({
    description:
      "Whether jobs of public repositories, and so anybody's, may run here. `allow` only for single-use machines of a cloud.",
  }),
  shareLabels: yesOrNo.default(false).meta({
    description: "Go on although other runners could take this pool's jobs, or this pool theirs.",
  }),
  rerun: z.enum(["once", "never"]).default("once").meta({
    description:
      "`once`: a job whose machine AWS took away (spot above all) is run again when its workflow run has ended, once, unless it deploys to an environment. `never`: it stays failed, and the manager needs no right to run jobs again.",
  }),
  backends: z.array(z.unknown(), listOf("backend")).min(1, listOf("backend")).optional().meta({
    description:
      "Where machines come from, in order of preference. Left out: `[local]` or `[{ aws: {} }]`, as the manager's place is.",
  }),
});

const amountAllowed = "allowed is an amount of money per hour, such as 5 or 0.50";
export const budget = z.strictObject({
  perHour: z.number(amountAllowed).min(0, amountAllowed).max(1e6, amountAllowed).meta({
    description:
      "What the stack may cost per hour by list prices, everything together: what is always there (manager, NAT gateway, fixed machines), and each launched machine with its disk and address, at its dearest. Nothing is launched beyond it. Traffic, the cache's storage and logs are not counted.",
  }),
  currency: z.enum(["USD", "EUR"]).default("USD").meta({
    description: "Of the budget and of everything that the stack says of costs.",
  }),
});

export const trustJobs = yesOrNo.meta({
  description:
    "Jobs may run as this user where this computer gives nothing that keeps them apart. Default: false.",
});

/** Top-level keys with plain values. */
export const sectionNames = ["github", "manager", "pools", "budget", "trustJobs", "aws", "network"] as const;

/** Flat keys, always stored with `--secret`. */
export const secretNames = ["githubToken", "githubAppKey"] as const;
export type SecretName = (typeof secretNames)[number];
