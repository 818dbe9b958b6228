/** Launch templates: what a version says, what of it a launch takes over, and what muster's machines may not do without. */
import { Ec2Error, listOf, valueOf, type Form } from "./query.ts";
import type { Upstream } from "./upstream.ts";
import { at, itemsAt, textAt, type Element } from "./xml.ts";

export interface Template {
  id: string;
  /** A number: `$Latest` and `$Default` are looked up. */
  version: string;
  data: Element;
}

/** @throws Ec2Error where there is no such template or version */
export async function readTemplate(
  upstream: Upstream,
  region: string,
  specification: Form,
): Promise<Template> {
  const of = (name: string) => valueOf({ form: specification }, name);
  const [id, name, version = "$Default"] = [of("LaunchTemplateId"), of("LaunchTemplateName"), of("Version")];
  const which: Form = id === undefined ? [["LaunchTemplateName", name ?? ""]] : [["LaunchTemplateId", id]];
  const answer = await upstream.ask(region, "DescribeLaunchTemplateVersions", [
    ...which,
    ["LaunchTemplateVersion.1", version],
  ]);
  const [found] = itemsAt(answer, "launchTemplateVersionSet");
  const data = at(found, "launchTemplateData");
  if (!data)
    throw new Ec2Error(
      "InvalidLaunchTemplateId.VersionNotFound",
      `Could not find launch template version ${version} of ${id ?? name}`,
    );
  return { id: textAt(found, "launchTemplateId"), version: textAt(found, "versionNumber"), data };
}

/** Elements of a template that moto's RunInstances takes as parameters and leaves out when they come by a template. */
const carried = [
  "blockDeviceMappingSet",
  "ebsOptimized",
  "iamInstanceProfile",
  "instanceInitiatedShutdownBehavior",
  "keyName",
  "metadataOptions",
  "monitoring",
  "securityGroupIdSet",
  "userData",
];

/** `blockDeviceMappingSet` -> `BlockDeviceMapping`: how EC2 names in a call what it names so in an answer. */
const parameterName = (name: string): string => name[0]!.toUpperCase() + name.slice(1).replace(/Set$/, "");

const formOf = ({ name, children, text }: Element, prefix = ""): Form => {
  const full = `${prefix}${parameterName(name)}`;
  if (children.length === 0) return text === "" ? [] : [[full, text]];
  if (children[0]!.name !== "item") return children.flatMap((child) => formOf(child, `${full}.`));
  return children.flatMap((item, index): Form => {
    const numbered = `${full}.${index + 1}`;
    return item.children.length === 0
      ? [[numbered, item.text]]
      : item.children.flatMap((child) => formOf(child, `${numbered}.`));
  });
};

/** What a launch from the template is, as parameters; `over` has what the call says itself. */
export const launchForm = ({ data }: Template, over: Form): Form => {
  const said = new Set(over.map(([name]) => name.split(".")[0]));
  const own = (name: string) => !said.has(parameterName(name));
  return data.children
    .filter(({ name }) => carried.includes(name) && own(name))
    .flatMap((child) => formOf(child));
};

/** Resource type -> its tags. */
export type Tags = Map<string, Map<string, string>>;

/** The template's tags and over them the call's, by the type of what they are for. */
export const tagsOf = (template: Template | null, form: Form): Tags => {
  const tags: Tags = new Map();
  const add = (type: string, key: string, value: string) =>
    void tags.set(type, (tags.get(type) ?? new Map<string, string>()).set(key, value));
  for (const one of itemsAt(template?.data, "tagSpecificationSet"))
    for (const tag of itemsAt(one, "tagSet"))
      add(textAt(one, "resourceType"), textAt(tag, "key"), textAt(tag, "value"));
  for (const one of listOf(form, "TagSpecification"))
    for (const tag of listOf(one, "Tag")) {
      const of = (specification: Form, name: string) => valueOf({ form: specification }, name) ?? "";
      add(of(one, "ResourceType"), of(tag, "Key"), of(tag, "Value"));
    }
  return tags;
};

/** What machines for jobs need of their template; moto launches without it, too. @returns a sentence for each that is missing */
export function lacks({ data }: Template, allowed: { instanceProfiles: boolean }): string[] {
  const said: string[] = [];
  const must = (path: readonly string[], value: string) => {
    const given = textAt(data, ...path);
    if (given !== value)
      said.push(`${path.join(".")} is ${given === "" ? "not set" : given}, must be ${value}`);
  };
  must(["metadataOptions", "httpTokens"], "required");
  must(["metadataOptions", "httpPutResponseHopLimit"], "1");
  must(["instanceInitiatedShutdownBehavior"], "terminate");
  const groups = [...itemsAt(data, "securityGroupIdSet"), ...itemsAt(data, "networkInterfaceSet")];
  if (groups.length === 0) said.push("it names no security group");
  const disks = itemsAt(data, "blockDeviceMappingSet");
  if (disks.length === 0) said.push("it names no disk, must have an encrypted gp3");
  for (const disk of disks) {
    const [encrypted, type] = [textAt(disk, "ebs", "encrypted"), textAt(disk, "ebs", "volumeType")];
    if (encrypted !== "true" || type !== "gp3")
      said.push(
        `${textAt(disk, "deviceName")} is ${encrypted === "true" ? "" : "not "}encrypted ${type}, must be encrypted gp3`,
      );
  }
  if (at(data, "instanceMarketOptions"))
    said.push("it has instanceMarketOptions, which the fleet call decides");
  if (at(data, "iamInstanceProfile") && !allowed.instanceProfiles)
    said.push("it has an iamInstanceProfile: jobs would have its rights");
  return said;
}
