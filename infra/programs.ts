/** What the program builds or fetches before it makes resources: the bundles, and Node for a manager's machine. */
import { nodeTarball, type NodeTarball } from "./aws/node.ts";
import { bundle, type Bundles } from "./bundle.ts";
import type { Settings } from "./settings.ts";

export interface Programs {
  bundles: Bundles;
  /** Null where the manager runs on this computer, with its Node. */
  node: NodeTarball | null;
}

/**
 * @param root the checkout
 * @throws BundleError, NodeError
 */
export const programsFor = async (
  { manager }: Pick<Settings, "manager">,
  root: string,
): Promise<Programs> => {
  const [bundles, node] = await Promise.all([
    bundle(root),
    manager.on === "aws" ? nodeTarball(root) : Promise.resolve(null),
  ]);
  return { bundles, node };
};
