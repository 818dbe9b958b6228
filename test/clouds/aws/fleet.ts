/**
 * CreateFleet of type `instant`: the pools in the order of the strategy, from each what there is, an error for each that
 * gave less than it was asked for. Simpler than EC2: `price-capacity-optimized` and the other strategies by capacity take
 * the pool of which most is left, which only the table knows; `lowest-price` takes the overrides as they come; the prioritized
 * ones go by `Priority`. What counts as equal goes in the order of the call, and a pool is emptied before the next.
 */
import type { Market } from "../../../agent/manager/backends/aws/scopes.ts";
import type { Capacity, Place } from "./capacity.ts";
import { idsOf, imageOf, launchInstances, type Launch } from "./launch.ts";
import type { Images } from "./images.ts";
import { answerOf, below, Ec2Error, listOf, valueOf, type Answer, type Call, type Form } from "./query.ts";
import { lacks, readTemplate, tagsOf, type Template } from "./template.ts";
import type { Upstream } from "./upstream.ts";
import { element, itemsAt, list, textAt, type Element } from "./xml.ts";

export interface FleetWorld {
  upstream: Upstream;
  images: Images;
  capacity: Capacity;
  instanceProfiles: boolean;
  /** Throws what EC2 says when the caller may not do this. */
  authorize(action: string, region: string): void;
  launched(region: string, ids: readonly string[]): void;
  id(): string;
}

interface Pool {
  template: Template;
  override: Form;
  place: Place;
  priority: number;
}

/** What this stand-in plays; another parameter is refused by its name. */
const played =
  /^(ClientToken|DryRun|Type|TagSpecification\..*|TargetCapacitySpecification\.(TotalTargetCapacity|DefaultTargetCapacityType)|(Spot|OnDemand)Options\.(AllocationStrategy|MinTargetCapacity)|LaunchTemplateConfigs\.\d+\.(LaunchTemplateSpecification\..*|Overrides\.\d+\.(InstanceType|SubnetId|AvailabilityZone|Priority|ImageId)))$/;

const numberOf = (call: Call, name: string): number => Number(valueOf(call, name) ?? "0");

async function poolsOf(call: Call, market: Market, world: FleetWorld): Promise<Pool[]> {
  const { region } = call;
  const zones = new Map(
    itemsAt(await world.upstream.ask(region, "DescribeSubnets", []), "subnetSet").map((subnet) => [
      textAt(subnet, "subnetId"),
      textAt(subnet, "availabilityZone"),
    ]),
  );
  const configs = listOf(call.form, "LaunchTemplateConfigs").map(async (config) => {
    const template = await readTemplate(world.upstream, region, below(config, "LaunchTemplateSpecification"));
    const missing = lacks(template, world);
    if (missing.length > 0)
      throw new Ec2Error(
        "InvalidParameterValue",
        `launch template ${template.id}, version ${template.version}, is none for machines that run jobs: ${missing.join("; ")}`,
      );
    return listOf(config, "Overrides").map((override): Pool => {
      const of = (name: string) => valueOf({ form: override }, name);
      const type = of("InstanceType") ?? textAt(template.data, "instanceType");
      const zone = zones.get(of("SubnetId") ?? "") ?? of("AvailabilityZone") ?? "";
      if (type === "" || zone === "")
        throw new Ec2Error(
          "InvalidParameterValue",
          `an override needs a type and a subnet that is there, not ${type}, ${of("SubnetId")}`,
        );
      return {
        template,
        override,
        place: { region, type, zone, market },
        priority: Number(of("Priority") ?? Infinity),
      };
    });
  });
  const pools = (await Promise.all(configs)).flat();
  const names = pools.map(({ place }) => `${place.type} in ${place.zone}`);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new Ec2Error(
      "InvalidFleetConfig",
      `The fleet configuration contains duplicate instance pools: ${twice}`,
    );
  return pools;
}

const inOrder = (pools: readonly Pool[], strategy: string, capacity: Capacity): Pool[] => {
  const by = (rank: (pool: Pool) => number) =>
    [...pools].sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
  if (strategy.endsWith("prioritized")) return by(({ priority }) => priority);
  if (strategy.includes("capacity-optimized")) return by(({ place }) => -capacity.left(place));
  return [...pools];
};

const told = ({ template, override }: Pool): Element =>
  element("launchTemplateAndOverrides", [
    element("launchTemplateSpecification", [
      element("launchTemplateId", template.id),
      element("version", template.version),
    ]),
    element(
      "overrides",
      override.map(([name, value]) => element(name[0]!.toLowerCase() + name.slice(1), value)),
    ),
  ]);

/** @throws Ec2Error */
export async function createFleet(call: Call, world: FleetWorld): Promise<() => Promise<Answer>> {
  const { capacity, upstream, images } = world;
  const strange = call.form.find(([name]) => !played.test(name));
  if (strange)
    throw new Ec2Error("InvalidParameter", `test/clouds/aws plays no ${strange[0]} of CreateFleet`);
  if (valueOf(call, "Type") !== "instant")
    throw new Ec2Error("InvalidParameterValue", "test/clouds/aws plays fleets of type instant alone");
  const market = (valueOf(call, "TargetCapacitySpecification.DefaultTargetCapacityType") ??
    "on-demand") as Market;
  const options = market === "spot" ? "SpotOptions" : "OnDemandOptions";
  const wanted = numberOf(call, "TargetCapacitySpecification.TotalTargetCapacity");
  const least = numberOf(call, `${options}.MinTargetCapacity`);
  if (!(wanted > 0)) throw new Ec2Error("InvalidParameterValue", "TotalTargetCapacity must be above 0");
  const pools = await poolsOf(call, market, world);
  const launchOf = (pool: Pool, count: number): Launch => ({
    region: call.region,
    count,
    template: pool.template,
    over: [
      ...pool.override.filter(([name]) => name === "SubnetId" || name === "ImageId"),
      ["InstanceType", pool.place.type],
      ...(market === "spot" ? [["InstanceMarketOptions.MarketType", "spot"] as const] : []),
    ],
    tags: tagsOf(pool.template, call.form),
  });
  for (const pool of pools) await imageOf(images, launchOf(pool, 1));

  return async () => {
    const fleet = `fleet-${world.id()}`;
    const errors: Element[][] = [];
    const made: Element[][] = [];
    const failed = (pool: Pool, { code, message }: { code: string; message: string }) =>
      errors.push([
        told(pool),
        element("lifecycle", market),
        element("errorCode", code),
        element("errorMessage", message),
      ]);
    const shares: { pool: Pool; count: number }[] = [];
    let missing = wanted;
    const strategy = valueOf(call, `${options}.AllocationStrategy`) ?? "lowest-price";
    for (const pool of inOrder(pools, strategy, capacity)) {
      if (missing === 0) break;
      const { got, lack } = capacity.take(pool.place, missing);
      if (lack) failed(pool, lack);
      if (got > 0) shares.push({ pool, count: got });
      missing -= got;
    }
    for (const { pool, count } of wanted - missing < least ? [] : shares) {
      try {
        world.authorize("RunInstances", call.region);
        const launch = launchOf(pool, count);
        launch.tags.get("instance")?.set("aws:ec2:fleet-id", fleet);
        const ids = idsOf(await launchInstances(upstream, images, launch));
        world.launched(call.region, ids);
        made.push([
          told(pool),
          element("lifecycle", market),
          list("instanceIds", ids),
          element("instanceType", pool.place.type),
        ]);
      } catch (error) {
        if (!(error instanceof Ec2Error)) throw error;
        failed(pool, error);
      }
    }
    return answerOf("CreateFleet", world.id(), [
      element("fleetId", fleet),
      list("errorSet", errors),
      list("fleetInstanceSet", made),
    ]);
  };
}
