/** Instances as EC2 makes them of a template and a call: all of the template's words, tags on everything, in moto. */
import type { Images } from "./images.ts";
import { Ec2Error, type Form } from "./query.ts";
import { launchForm, type Tags, type Template } from "./template.ts";
import type { Upstream } from "./upstream.ts";
import { itemsAt, textAt, type Element } from "./xml.ts";

export interface Launch {
  region: string;
  count: number;
  template: Template | null;
  /** Parameters of RunInstances that the call says itself. */
  over: Form;
  /** Whose tags the call gives, with those of the template below them. */
  tags: Tags;
}

/** moto gives what it launches the tags of these; those of interfaces it leaves out. */
const motoTags = ["instance", "volume"];

const tagForm = (tags: Tags): Form =>
  [...tags]
    .filter(([type]) => motoTags.includes(type))
    .flatMap(([type, pairs], index): Form => {
      const prefix = `TagSpecification.${index + 1}`;
      return [
        [`${prefix}.ResourceType`, type],
        ...[...pairs].flatMap(([key, value], number): Form => [
          [`${prefix}.Tag.${number + 1}.Key`, key],
          [`${prefix}.Tag.${number + 1}.Value`, value],
        ]),
      ];
    });

/** The image that the call or else the template names, looked up. @throws Ec2Error */
export async function imageOf(images: Images, { region, template, over }: Launch): Promise<string> {
  const name = over.find(([key]) => key === "ImageId")?.[1] ?? textAt(template?.data, "imageId");
  if (name === "") throw new Ec2Error("MissingParameter", "The request must contain the parameter ImageId");
  return images.resolve(region, name);
}

/** @returns moto's answer to RunInstances. @throws Ec2Error */
export async function launchInstances(upstream: Upstream, images: Images, launch: Launch): Promise<Element> {
  const { region, count, template, over, tags } = launch;
  const image = await imageOf(images, launch);
  const own = over.filter(
    ([name]) => !/^(ImageId|TagSpecification|LaunchTemplate|MinCount|MaxCount)(\.|$)/.test(name),
  );
  const answer = await upstream.ask(region, "RunInstances", [
    // moto makes as many as the least that is asked for.
    ["MinCount", String(count)],
    ["MaxCount", String(count)],
    ["ImageId", image],
    ...own,
    ...(template === null ? [] : launchForm(template, own)),
    ...(template === null
      ? []
      : ([
          ["LaunchTemplate.LaunchTemplateId", template.id],
          ["LaunchTemplate.Version", template.version],
        ] as const)),
    ...tagForm(tags),
  ]);
  const interfaces = itemsAt(answer, "instancesSet")
    .flatMap((instance) => itemsAt(instance, "networkInterfaceSet"))
    .map((item) => textAt(item, "networkInterfaceId"));
  const theirs = [...(tags.get("network-interface") ?? [])];
  if (theirs.length > 0 && interfaces.length > 0)
    await upstream.ask(region, "CreateTags", [
      ...interfaces.map((id, index) => [`ResourceId.${index + 1}`, id] as const),
      ...theirs.flatMap(([key, value], index): Form => [
        [`Tag.${index + 1}.Key`, key],
        [`Tag.${index + 1}.Value`, value],
      ]),
    ]);
  return answer;
}

export const idsOf = (answer: Element): string[] =>
  itemsAt(answer, "instancesSet").map((instance) => textAt(instance, "instanceId"));
