/** A whole stack as reviewers and policies see it. */
import { join } from "node:path";
import { violations } from "../../../policies/index.ts";
import { resourcesOfState } from "../../../policies/read.ts";
import { drawGraph } from "./graph.ts";
import type { AwsRig } from "./rig.ts";

/** The stack's graph and outputs; the simulated GitHub's port is another one at each run. */
export const reviewText = async (rig: AwsRig): Promise<string> => {
  const { resources } = await rig.state();
  return drawGraph(resources, await rig.outputs(), { [new URL(rig.github.organizationUrl).port]: "<port>" });
};

/** Arguments of `preview` and `up` that let the engine ask the policy pack. */
export const packArguments = (rig: Pick<AwsRig, "root">): string[] => [
  "--policy-pack",
  join(rig.root, "policies/pack/muster-policies"),
];

/** What the policies say of the state, with each secret in sight. */
export const stateViolations = async (rig: AwsRig): Promise<string[]> => {
  const { stdout } = await rig.pulumi(["stack", "export", "--show-secrets"]);
  return violations(resourcesOfState(JSON.parse(stdout))).map(
    ({ policy, resource, problem }) => `${policy}: ${resource} ${problem}`,
  );
};
