/** The Pulumi program: settings -> components -> outputs. */
import { Provider } from "@pulumi/command";
import { projectRoot, stackInputs } from "./inputs.ts";
import { programsFor } from "./programs.ts";
import { Runners } from "./stack.ts";

export default async () => {
  const inputs = await stackInputs();
  // Its plugin starts while the bundles are built.
  const command = new Provider("command");
  const programs = await programsFor(inputs.settings, projectRoot);
  const runners = new Runners("runners", { ...inputs, ...programs }, { providers: { command } });
  return runners.outputs();
};
