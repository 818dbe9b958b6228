/** Which provider makes a resource is written down, never picked from the shell's surroundings. */
import { violation, type Policy } from "./policy.ts";
import { isGiven } from "./values.ts";

export const explicitProviders: Policy = {
  name: "providers-explicit",
  what: "Every resource is made by a provider of the program, and every provider of AWS names its region.",
  why: "A default provider takes account and region from whoever runs the command.",
  scope: "resource",
  check: (resources) =>
    resources.flatMap((resource) => {
      const { type, provider, inputs } = resource;
      if (type === "pulumi:providers:aws" && !isGiven(inputs["region"]))
        return [violation(resource, "names no region", "set region from muster:aws")];
      if (provider === null || !/::default(_[\d_a-z]+)?$/.test(provider)) return [];
      return [
        violation(
          resource,
          "is made by a default provider",
          "pass the region's provider, or a parent that has one; pulumi:disable-default-providers refuses the rest",
        ),
      ];
    }),
};
