/** What a policy is: a plain function over the resources of a stack, wherever they come from. */

/** One resource of a stack, as a preview, its state or an analyzer shows it. */
export interface Resource {
  /** `aws:s3/bucket:Bucket` */
  type: string;
  name: string;
  urn: string;
  /** URN of the provider that makes it; null when nobody said so. Components have none. */
  provider: string | null;
  /** What it is asked to be. Secrets and what is not known yet are marked: see values.ts. */
  inputs: Readonly<Record<string, unknown>>;
  /** What came of it; empty where there is no state yet. For the stack itself: its outputs. */
  outputs: Readonly<Record<string, unknown>>;
  /** Input -> URNs of the resources it comes from. */
  dependencies: Readonly<Record<string, readonly string[]>>;
}

export interface Violation {
  /** Name of the resource. */
  resource: string;
  urn: string;
  /** What is wrong with it, as a sentence without a full stop. Never a secret. */
  problem: string;
  /** What to do, likewise. */
  cure: string;
}

export interface Policy {
  /** Kebab-case, unique. */
  name: string;
  /** What must hold. */
  what: string;
  why: string;
  /** `resource`: each resource with its provider is enough, so that it is refused before it is made. */
  scope: "resource" | "stack";
  check(resources: readonly Resource[]): Violation[];
}

export const violation = (
  { name, urn }: Pick<Resource, "name" | "urn">,
  problem: string,
  cure: string,
): Violation => ({ resource: name, urn, problem, cure });

/** As one line for people. */
export const describe = ({ resource, problem, cure }: Violation): string =>
  `${resource} ${problem}: ${cure}.`;

/** Whether the resource is, or lies within, a component of that type: `muster:aws:Manager`. */
export const within = ({ urn }: Pick<Resource, "urn">, component: string): boolean =>
  (urn.split("::")[2] ?? "").split("$").includes(component);

/** Resources of these types. */
export const ofType = (resources: readonly Resource[], ...types: readonly string[]): Resource[] =>
  resources.filter(({ type }) => types.includes(type));
