/**
 * The part of `Runners` that runs on AWS, from the ground up: networks, the place where agents find the manager, the
 * cache, the pools whose machines know that place, and the manager that launches them. A destroy goes the other way:
 * drain, manager, sweep, and then the ground.
 */
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { ManagerConfig, PoolConfig } from "../../agent/manager-config.ts";
import { runnerUserData } from "../../cloud-init/runner.ts";
import type { BundleName, Bundles } from "../bundle.ts";
import type { AwsOutputs, Costs } from "../outputs.ts";
import { Cache } from "./cache.ts";
import { currentObjectOf } from "./config.ts";
import { awsContext } from "./context.ts";
import { Endpoint } from "./endpoint.ts";
import { drainCommand, sweepCommand } from "./leaving.ts";
import { Manager } from "./manager.ts";
import { Monitoring } from "./monitoring.ts";
import { Network } from "./network.ts";
import type { NodeTarball } from "./node.ts";
import { awsOutputs } from "./outputs.ts";
import { Peering } from "./peering.ts";
import { Pool } from "./pool.ts";
import { metadataServer, ownServer, portOf } from "./urls.ts";
import type { AwsBackendSettings, AwsManagerSettings, AwsSettings } from "./settings.ts";
import { spotRoleCommand } from "./spot-role.ts";

export interface AwsPoolSettings extends Omit<PoolConfig, "backends"> {
  backends: readonly AwsBackendSettings[];
}

export interface AwsStackArgs {
  stack: { project: string; name: string };
  /** Another program than the checkout's holds the stack. */
  ofProgram?: boolean;
  github: ManagerConfig["github"];
  budget: ManagerConfig["budget"];
  manager: AwsManagerSettings;
  aws: AwsSettings;
  pools: Readonly<Record<string, AwsPoolSettings>>;
  costs: Costs;
  bundles: pulumi.Input<Bundles>;
  /** For the manager's machine. */
  node: NodeTarball;
  /** GitHub's credential, where the settings do not name a parameter that holds it. */
  secrets: Readonly<Record<string, pulumi.Input<string>>>;
}

/** @returns what the stack tells */
export const onAws = (name: string, args: AwsStackArgs, parent: pulumi.Resource): AwsOutputs => {
  const { stack, github, manager, aws, pools, node, secrets } = args;
  const context = awsContext({ stack, settings: aws, name }, { parent });
  const [home, ...further] = aws.regions;
  const inside = (region: string) => ({ parent, provider: context.provider(region) });
  const atHome = inside(home.name);
  const bundles = pulumi.output(args.bundles);
  const built = (bundle: BundleName) => bundles.apply((all) => all[bundle]);

  const networkOf = (region: typeof home, special: ConstructorParameters<typeof Network>[1]["home"]) =>
    new Network(
      `${name}-${region.name}`,
      { context, region, agentsPort: manager.agentsPort, home: special },
      inside(region.name),
    );
  const network = networkOf(home, {
    public: manager.reach === "public",
    peers: further.map(({ cidr }) => cidr),
    ports: [github.url, ...(aws.proxy ? [aws.proxy.url] : [])].map(portOf),
  });
  const peers = further.map((region) => networkOf(region, null));
  const peerings = peers.map(
    (peer) => new Peering(`${name}-${home.name}-${peer.region}`, { context, home: network, peer }, atHome),
  );
  const networks = [network, ...peers];

  const endpoint = new Endpoint(
    `${name}-endpoint`,
    { context, network, manager },
    { parent, providers: [context.provider(home.name), new tls.Provider(`${name}-tls`, {}, { parent })] },
  );
  const cache = new Cache(`${name}-cache`, { context }, atHome);

  const managers = endpoint.addresses.apply((addresses) =>
    addresses.map((address) => `https://${address}:${endpoint.port}`),
  );
  const made = Object.entries(pools).map(
    ([pool, { backends }]) =>
      new Pool(
        `${name}-pool-${pool}`,
        {
          context,
          pool,
          backends,
          networks: new Map(networks.map((one) => [one.region, one])),
          userData: ({ end, metadata }) =>
            pulumi.all([managers, endpoint.ca]).apply(([urls, ca]) =>
              runnerUserData({
                managers: urls,
                ca,
                pool,
                end,
                proxy: aws.proxy,
                extraCa: aws.extraCa,
                reach: [...ownServer(github.url), ...(metadata ? [metadataServer] : [])],
              }),
            ),
        },
        { parent },
      ),
  );
  const backendsOf = pulumi.output(
    Object.fromEntries(Object.keys(pools).map((pool, index) => [pool, [...made[index]!.backends]])),
  );

  const spotRole = spotRoleCommand(
    `${name}-spot-role`,
    { home: home.name, script: built("spot-role"), pools },
    { parent },
  );
  const machine = new Manager(
    `${name}-manager`,
    {
      context,
      manager,
      zone: network.managerSubnet.zone,
      endpoint,
      cache,
      files: {
        "manager.mjs": built("manager"),
        "runner.mjs": built("runner"),
        "updater.mjs": built("updater"),
      },
      node,
      github,
      backends: {
        settings: Object.values(pools).flatMap(({ backends }) => backends),
        places: made.flatMap(({ places }) => places),
      },
      current: ({ files, secrets: secretNames }) =>
        pulumi
          .all([files, backendsOf, endpoint.addresses, endpoint.ca, endpoint.certificate, cache.bucket])
          .apply(([hashes, backends, addresses, ca, certificate, cacheBucket]) =>
            JSON.stringify(
              currentObjectOf({
                ...args,
                files: hashes,
                secrets: secretNames,
                made: { backends, addresses, ca, certificate, cacheBucket },
                region: home.name,
              }),
            ),
          ),
      secrets,
      // A manager that drains still calls out and is called: in a public subnet its elastic address is the way out, and
      // machines of other regions come through the peerings.
      after: ({ secretNames, secrets: parameters }) => [
        ...networks,
        ...peerings,
        endpoint,
        ...(spotRole ? [spotRole] : []),
        sweepCommand(
          `${name}-sweep`,
          { context, script: built("leaving"), github, pools: Object.keys(pools), secrets: secretNames },
          { parent, dependsOn: [...networks, ...parameters] },
        ),
      ],
    },
    atHome,
  );
  drainCommand(
    `${name}-drain`,
    {
      context,
      script: built("leaving"),
      pools: regionsOf(pools),
      bucket: machine.bucket,
      timeoutSeconds: manager.drainTimeoutSeconds,
    },
    { parent, dependsOn: [machine] },
  );
  const monitoring = new Monitoring(
    `${name}-monitoring`,
    { context, managerType: manager.type.name, instanceId: machine.instanceId },
    atHome,
  );

  return awsOutputs({ ...args, networks, managers, machine, cache, monitoring });
};

/** Pool -> where its machines are launched. */
const regionsOf = (pools: AwsStackArgs["pools"]): Record<string, string[]> =>
  Object.fromEntries(
    Object.entries(pools).map(([pool, { backends }]) => [
      pool,
      [...new Set(backends.filter(({ fixed }) => fixed === 0).map(({ region }) => region))],
    ]),
  );
