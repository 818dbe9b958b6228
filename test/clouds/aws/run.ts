/** RunInstances: as moto does it, with everything of the template, an image by parameter and the capacity that there is. */
import type { Market } from "../../../agent/manager/backends/aws/scopes.ts";
import type { FleetWorld } from "./fleet.ts";
import { idsOf, imageOf, launchInstances } from "./launch.ts";
import { below, Ec2Error, valueOf, type Answer, type Call } from "./query.ts";
import { readTemplate, tagsOf } from "./template.ts";
import { itemsAt, textAt, write } from "./xml.ts";

/** Checks what EC2 checks also without doing it. @returns what does it. @throws Ec2Error */
export async function runInstances(call: Call, world: FleetWorld): Promise<() => Promise<Answer>> {
  const { upstream, images, capacity } = world;
  const { region, form } = call;
  const specification = below(form, "LaunchTemplate");
  const template = specification.length === 0 ? null : await readTemplate(upstream, region, specification);
  const over = form.filter(([name]) => name !== "ClientToken" && name !== "DryRun");
  const most = Number(valueOf(call, "MaxCount") ?? "1");
  const least = Number(valueOf(call, "MinCount") ?? "1");
  const launch = { region, count: most, template, over, tags: tagsOf(template, form) };
  await imageOf(images, launch);

  return async () => {
    const subnet = valueOf(call, "SubnetId") ?? valueOf(call, "NetworkInterface.1.SubnetId");
    const subnets = itemsAt(await upstream.ask(region, "DescribeSubnets", []), "subnetSet");
    const zone = textAt(
      subnets.find((one) => textAt(one, "subnetId") === subnet),
      "availabilityZone",
    );
    const place = {
      region,
      type: valueOf(call, "InstanceType") ?? textAt(template?.data, "instanceType"),
      zone: zone || (valueOf(call, "Placement.AvailabilityZone") ?? ""),
      market: (valueOf(call, "InstanceMarketOptions.MarketType") ?? "on-demand") as Market,
    };
    const { got, lack } = capacity.take(place, most, least);
    if (got === 0 && lack) throw new Ec2Error(lack.code, lack.message);
    const answer = await launchInstances(upstream, images, { ...launch, count: got });
    world.launched(region, idsOf(answer));
    return { status: 200, body: write(answer) };
  };
}
