/** One deployment of muster as a component, for index.ts and for other people's programs. */
import * as pulumi from "@pulumi/pulumi";
import { describeConfinement, type Confinement } from "../agent/confinement/kind.ts";
import type { ManagerConfig } from "../agent/manager-config.ts";
import type { Bundles } from "./bundle.ts";
import { projectRoot, type StackInputs } from "./inputs.ts";
import { isCliDefault, localManagerConfig } from "./local/config.ts";
import { Manager } from "./local/manager.ts";

export interface RunnersArgs extends StackInputs {
  bundles: Bundles;
}

/** What other programs and people need to know; plain, and nothing of it is secret. */
export interface RunnersOutputs {
  /** The manager, to look at: `http://127.0.0.1:7117`. */
  address: string;
  /** The page with pools, machines and jobs. */
  page: string;
  /** For Prometheus. */
  metrics: string;
  /** Pool name -> the line for a workflow. */
  pools: Record<string, string>;
  /** The manager's folder. */
  directory: string;
  /** The control socket. */
  socket: string;
  /** How jobs on this computer are kept apart from its user. */
  confinement: Confinement["kind"];
  /** All of it in a few lines for people. */
  summary: string;
}

const runsOn = (labels: readonly string[]) => `runs-on: [${labels.join(", ")}]`;

const outputsOf = (config: ManagerConfig, confinement: Confinement): RunnersOutputs => {
  const { port, directory, socket } = config.manager;
  const address = `http://127.0.0.1:${port}`;
  const pools = Object.fromEntries(
    Object.entries(config.pools).map(([name, { labels }]) => [name, runsOn(labels)]),
  );
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
    pools,
    directory,
    socket,
    confinement: confinement.kind,
    summary,
  };
};

export class Runners extends pulumi.ComponentResource {
  readonly #outputs: RunnersOutputs;

  constructor(name: string, args: RunnersArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:index:Runners", name, {}, opts);
    const { stack, settings, confinement, secrets, bundles } = args;
    const config = localManagerConfig({ stack, settings, bundles, root: projectRoot });
    new Manager(
      `${name}-local`,
      { config, secrets, defaultDirectory: isCliDefault(config.manager.directory, projectRoot) },
      { parent: this },
    );
    this.#outputs = outputsOf(config, confinement);
    this.registerOutputs({ ...this.#outputs });
  }

  outputs(): RunnersOutputs {
    return this.#outputs;
  }
}
