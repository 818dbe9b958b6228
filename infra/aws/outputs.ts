/** What a stack on AWS tells. */
import * as pulumi from "@pulumi/pulumi";
import { runsOnLines, type AwsOutputs } from "../outputs.ts";
import type { Cache } from "./cache.ts";
import type { Manager } from "./manager.ts";
import type { Monitoring } from "./monitoring.ts";
import type { Network } from "./network.ts";
import { forward, sessionCommand, summaryOf, type SummaryArgs } from "./summary.ts";

export interface AwsOutputsArgs extends Omit<SummaryArgs, "github"> {
  github: { url: string };
  /** The home region's first. */
  networks: readonly Network[];
  /** `https://ADDRESS:PORT` */
  managers: pulumi.Output<string[]>;
  machine: Pick<Manager, "instanceId" | "instanceUrn">;
  cache: Pick<Cache, "bucket">;
  monitoring: Pick<Monitoring, "logGroup" | "alarmTopic" | "dashboard">;
}

export const awsOutputs = (args: AwsOutputsArgs): AwsOutputs => {
  const { stack, github, manager, aws, pools, networks, managers, machine, cache, monitoring, costs } = args;
  const region = aws.regions[0].name;
  const page = `http://127.0.0.1:${manager.port}/`;
  const byRegion = <T>(of: (network: Network) => T): Record<string, T> =>
    Object.fromEntries(networks.map((network) => [network.region, of(network)]));
  const session = (doc = "") => machine.instanceId.apply((id) => sessionCommand(region, id, doc));
  const up = args.ofProgram ? `pulumi up -s ${pulumi.getStack()}` : `npm run pulumi -- up -s ${stack.name}`;
  return {
    addresses: managers,
    reach: manager.reach,
    page,
    metrics: `${page}metrics`,
    pools: runsOnLines(pools),
    region,
    networks: byRegion(({ vpcId }) => vpcId),
    runnerGroups: byRegion(({ runnersGroupId }) => runnersGroupId),
    manager: machine.instanceId,
    cacheBucket: cache.bucket,
    logGroup: monitoring.logGroup,
    alarmTopic: monitoring.alarmTopic,
    dashboard: monitoring.dashboard,
    costs,
    commands: {
      page: session(forward(manager.port)),
      shell: session(),
      logs: `aws logs tail ${monitoring.logGroup} --region ${region} --follow`,
      newImage: pulumi.interpolate`${up} --replace '${machine.instanceUrn}'`,
    },
    summary: summaryOf({ ...args, github: github.url }),
  };
};
