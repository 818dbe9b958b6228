/**
 * The manager on AWS: what it may do (policy.ts), what it reads (store.ts) and the machine it runs on (host.ts). Its
 * address and its certificate exist before it, in endpoint.ts.
 */
import * as pulumi from "@pulumi/pulumi";
import { managerUserData } from "../../cloud-init/manager.ts";
import type { Cache } from "./cache.ts";
import type { AwsContext } from "./context.ts";
import type { Endpoint } from "./endpoint.ts";
import { Host } from "./host.ts";
import { logGroupName } from "./monitoring.ts";
import { managerPolicy } from "./policy.ts";
import type { LaunchPlace } from "./policy/statement.ts";
import type { AwsBackendSettings, AwsManagerSettings } from "./settings.ts";
import { parameterPrefix, Store, type StoreArgs } from "./store.ts";
import { stackTag } from "./tags.ts";

export interface ManagerArgs extends Pick<StoreArgs, "files" | "node" | "github" | "current"> {
  context: AwsContext;
  manager: Pick<AwsManagerSettings, "type" | "secretParameters">;
  /** Of the manager's subnet. */
  zone: string;
  endpoint: Pick<Endpoint, "interfaceId" | "keys">;
  cache: Pick<Cache, "bucket">;
  /** Of all pools: as the settings have them, and where their machines come from. */
  backends: {
    settings: readonly Pick<AwsBackendSettings, "region" | "image" | "instanceProfileRole" | "fixed">[];
    places: readonly pulumi.Input<LaunchPlace>[];
  };
  /** GitHub's credential, unless `secretParameters` names it. */
  secrets: Readonly<Record<string, pulumi.Input<string>>>;
  /** What must outlive the machine in a destroy, besides what it reads: networks, sweep. */
  after: (of: Pick<Store, "secretNames" | "secrets">) => readonly pulumi.Resource[];
}

export class Manager extends pulumi.ComponentResource {
  readonly instanceId: pulumi.Output<string>;
  /** For `pulumi up --replace`, which takes the newest image. */
  readonly instanceUrn: pulumi.Output<string>;
  readonly roleArn: pulumi.Output<string>;
  /** Name of the bucket with its settings and status. */
  readonly bucket: pulumi.Output<string>;
  /** `/muster-dev`. */
  readonly parameterPrefix: string;
  /** The machine's volumes and interface, for monitoring. */
  readonly volumeId: pulumi.Output<string>;

  constructor(name: string, args: ManagerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:Manager", name, {}, opts);
    const { context, endpoint, backends, node } = args;
    const { settings, home } = context;
    const stack = context.tags()[stackTag]!;
    const inside = { parent: this };
    this.parameterPrefix = parameterPrefix(context);

    const store = new Store(
      `${name}-store`,
      {
        ...args,
        secrets: {
          ...Object.fromEntries(
            Object.entries(args.secrets).map(([secret, value]) => [secret, { parameter: secret, value }]),
          ),
          ...endpoint.keys,
        },
        secretParameters: args.manager.secretParameters,
      },
      inside,
    );
    const launching = backends.settings.filter(({ fixed }) => fixed === 0);
    const policy = pulumi
      .all([pulumi.all([...backends.places]), store.bucket, args.cache.bucket])
      .apply(([places, manager, cache]) =>
        JSON.stringify(
          managerPolicy({
            region: home,
            stack,
            places,
            imageParameters: launching.flatMap(({ region, image }) =>
              image.kind === "ssm" ? [{ region, name: image.parameter }] : [],
            ),
            passedRoles: launching.flatMap(({ instanceProfileRole }) => instanceProfileRole ?? []),
            parameters: store.parameters,
            buckets: { manager, cache },
            logGroup: logGroupName(context),
            kmsKeyId: settings.kmsKeyId,
          }),
        ),
      );
    const host = new Host(
      `${name}-host`,
      {
        context,
        type: args.manager.type.name,
        zone: args.zone,
        interfaceId: endpoint.interfaceId,
        policy,
        userData: (volume) =>
          pulumi.all([store.bucket, volume]).apply(([bucket, id]) =>
            managerUserData({
              stack: context.stack,
              region: home,
              bucket,
              parameterPrefix: this.parameterPrefix,
              logGroup: logGroupName(context),
              volume: id,
              node: { url: node.url, integrity: node.integrity, key: store.nodeKey },
              proxy: settings.proxy,
              extraCa: settings.extraCa,
            }),
          ),
        after: [...store.contents, ...args.after(store)],
      },
      inside,
    );
    this.instanceId = host.instanceId;
    this.instanceUrn = host.instanceUrn;
    this.roleArn = host.roleArn;
    this.volumeId = host.volumeId;
    this.bucket = store.bucket;
    this.registerOutputs();
  }
}
