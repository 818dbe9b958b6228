/** The part of `Runners` that runs on this computer: one manager, whose machines are processes. */
import type * as pulumi from "@pulumi/pulumi";
import { describeConfinement, type Confinement } from "../../agent/confinement/kind.ts";
import type { ManagerConfig } from "../../agent/manager-config.ts";
import { runsOn, runsOnLines, type LocalOutputs } from "../outputs.ts";
import { isCliDefault, localManagerConfig, type LocalConfigArgs } from "./config.ts";
import { Manager, type ManagerArgs } from "./manager.ts";

export interface LocalStackArgs extends LocalConfigArgs {
  confinement: Confinement;
  secrets: ManagerArgs["secrets"];
}

/** @returns what the stack tells */
export const onThisComputer = (name: string, args: LocalStackArgs, parent: pulumi.Resource): LocalOutputs => {
  const { confinement, secrets, root } = args;
  const config = localManagerConfig(args);
  new Manager(
    `${name}-local`,
    { config, secrets, defaultDirectory: isCliDefault(config.manager.directory, root) },
    { parent },
  );
  return outputsOf(config, confinement);
};

const outputsOf = (config: ManagerConfig, confinement: Confinement): LocalOutputs => {
  const { port, directory, socket } = config.manager;
  const address = `http://127.0.0.1:${port}`;
  const summary = [
    `${config.stack.name}: manager on this computer at ${address}, runners for ${config.github.url}`,
    ...Object.entries(config.pools).map(
      ([name, pool]) => `pool ${name}: up to ${pool.max} at a time, ${runsOn(pool.labels)}`,
    ),
    `jobs on this computer: ${describeConfinement(confinement)}`,
  ].join("\n");
  return {
    address,
    page: `${address}/`,
    metrics: `${address}/metrics`,
    pools: runsOnLines(config.pools),
    directory,
    socket,
    confinement: confinement.kind,
    summary,
  };
};
