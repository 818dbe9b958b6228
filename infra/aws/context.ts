/** What every component of the AWS part is given: whose resources they are, what they are called, and where they go. */
import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { AwsSettings } from "./settings.ts";
import { stackOf, stackTag } from "./tags.ts";

export * from "./tags.ts";

export interface AwsContext {
  stack: { project: string; name: string };
  settings: AwsSettings;
  /** The region of the manager, its bucket and the cache. */
  home: string;
  /** The name at AWS: `name("runners")` -> `muster-dev-runners`. */
  name(part: string): string;
  /**
   * The tags of whatever AWS makes without Pulumi (machines of a launch template, their volumes). Resources of the
   * program have them from their provider and need only what they have besides.
   */
  tags(extra?: Readonly<Record<string, string>>): Record<string, string>;
  /**
   * The one provider of that region, for `{ provider }` or, in the home region, inherited from the parent.
   * @throws Error for a region that the settings do not name
   */
  provider(region: string): aws.Provider;
}

export interface AwsContextArgs {
  stack: { project: string; name: string };
  settings: AwsSettings;
  /** Stands before the names of the providers, so that a program may hold two stacks; none by default. */
  name?: string;
}

/** Makes one provider a region, named by it, so that a region that is dropped takes only its own resources along. */
export const awsContext = (
  { stack, settings, name: prefix }: AwsContextArgs,
  opts?: pulumi.CustomResourceOptions,
): AwsContext => {
  const tags = (extra: Readonly<Record<string, string>> = {}) => ({
    ...settings.tags,
    [stackTag]: stackOf(stack),
    ...extra,
  });
  const providers = new Map(
    settings.regions.map(({ name }) => [
      name,
      new aws.Provider(
        prefix === undefined ? name : `${prefix}-${name}`,
        { region: name as aws.Region, defaultTags: { tags: tags() } },
        opts,
      ),
    ]),
  );
  return {
    stack,
    settings,
    home: settings.regions[0].name,
    name: (part) => `${settings.namePrefix}-${part}`,
    tags,
    provider: (region) => {
      const provider = providers.get(region);
      if (provider) return provider;
      throw new Error(
        `no provider for ${region}; the stack's regions are ${[...providers.keys()].join(", ")}`,
      );
    },
  };
};
