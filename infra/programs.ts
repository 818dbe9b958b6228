/** What the program builds or fetches for the resources that it makes: the bundles, and Node for a manager's machine. */
import * as pulumi from "@pulumi/pulumi";
import { nodeTarball, type NodeTarball } from "./aws/node.ts";
import { bundle, bundleNames, type Bundles } from "./bundle.ts";
import type { Settings } from "./settings.ts";

export type Programs = ProgramsHere | ProgramsOnAws;

/** For a manager on this computer, which runs on the Node that is here. */
export interface ProgramsHere {
  bundles: Pick<Bundles, "manager" | "runner">;
  node: null;
}

export interface ProgramsOnAws {
  /** In a preview they are built while resources are registered and providers start. */
  bundles: pulumi.Input<Bundles>;
  node: NodeTarball;
}

/**
 * @param root the checkout
 * @throws BundleError, NodeError; in a preview on AWS `bundles` rejects with the former
 */
export const programsFor = async (
  { manager }: Pick<Settings, "manager">,
  root: string,
): Promise<Programs> => {
  if (manager.on !== "aws") return { bundles: await bundle(root, ["manager", "runner"]), node: null };
  const bundles = bundle(root, bundleNames);
  // An update makes nothing before all of them are there.
  const [node] = await Promise.all([nodeTarball(root), pulumi.runtime.isDryRun() ? null : bundles]);
  return { bundles, node };
};
