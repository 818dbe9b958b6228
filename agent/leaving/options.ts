/**
 * What the two commands of leaving are told. It is part of a Command's environment and so of Pulumi's state: names and
 * places, never a secret. infra/ writes it, the bundled script reads it.
 */
import * as z from "zod";
import { managerConfig } from "../manager-config.ts";

/** The environment variable that holds the options as JSON. */
export const optionsVariable = "MUSTER_LEAVING";

export const verbs = ["settle", "drain", "sweep"] as const;
export type Verb = (typeof verbs)[number];

const name = z.string().min(1);
const stack = z.object({ project: name, name });

/** `settle` and `drain`: the manager's side. */
export const drainOptions = z.object({
  stack,
  /** Region -> pools that have machines there. */
  regions: z.record(name, z.array(name)),
  /** The manager's region, and its bucket there. */
  home: name,
  bucket: name,
  timeoutSeconds: z.number().min(0),
});
export type DrainOptions = z.infer<typeof drainOptions>;

/** `sweep`: everything that it needs without a manager. */
export const sweepOptions = z.object({
  stack,
  regions: z.array(name).min(1),
  /** Where the parameters are. */
  home: name,
  github: managerConfig.shape.github,
  pools: z.array(name),
  /** Secret of ManagerSecrets (`githubToken` or `githubAppKey`) -> SSM parameter that holds it. */
  secrets: z.record(name, name),
});
export type SweepOptions = z.infer<typeof sweepOptions>;

/** `PROJECT/STACK`, the value of the tag. */
export const stackValue = ({ stack }: { stack: { project: string; name: string } }): string =>
  `${stack.project}/${stack.name}`;
