/** The Pulumi program: settings -> components -> outputs. */
import { Provider } from "@pulumi/command";
import { bundle } from "./bundle.ts";
import { projectRoot, stackInputs } from "./inputs.ts";
import { Runners } from "./stack.ts";

export default async () => {
  const inputs = await stackInputs();
  const bundles = await bundle(projectRoot);
  const command = new Provider("command");
  const runners = new Runners("runners", { ...inputs, bundles }, { providers: { command } });
  return runners.outputs();
};
