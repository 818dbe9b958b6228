/** LaunchTemplate: every change but of its name or tags is a new version of the same template. */
import {
  CreateLaunchTemplateCommand,
  CreateLaunchTemplateVersionCommand,
  DeleteLaunchTemplateCommand,
  DescribeLaunchTemplatesCommand,
  DescribeLaunchTemplateVersionsCommand,
  ModifyLaunchTemplateCommand,
  type EC2Client,
  type RequestLaunchTemplateData,
  type ResponseLaunchTemplateData,
} from "@aws-sdk/client-ec2";
import {
  capital,
  ec2Of,
  flag,
  given,
  nameOf,
  number,
  orNull,
  regionOf,
  tagList,
  text,
  unlessGone,
  type Call,
  type Cloud,
  type CloudKinds,
  type Props,
} from "./cloud.ts";
import { tagsOf, updateTags } from "./ec2.ts";

const ofTheTemplate = [
  "name",
  "namePrefix",
  "description",
  "tags",
  "defaultVersion",
  "updateDefaultVersion",
  "region",
];
const makesVersion = (key: string) => !ofTheTemplate.includes(key) || key === "description";

/** Text in Pulumi's inputs, true or false for the API. */
const flags = [
  "encrypted",
  "deleteOnTermination",
  "associatePublicIpAddress",
  "associateCarrierIpAddress",
  "ebsOptimized",
];
const apiNames: Record<string, string> = {
  vpcSecurityGroupIds: "SecurityGroupIds",
  securityGroupNames: "SecurityGroups",
  securityGroups: "Groups",
  ramDiskId: "RamDiskId",
};

const apiValue = (key: string, value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((item) => apiValue(key, item));
  if (key === "tags") return tagList(value);
  if (flags.includes(key)) return String(value) === "true";
  return typeof value === "object" && value !== null ? apiData(value as Props) : value;
};
const apiData = (props: Props): Props =>
  Object.fromEntries(
    Object.entries(props)
      .filter(([, value]) => value != null)
      .map(([key, value]) => [
        apiNames[key] ?? Object.keys(capital({ [key]: 0 }) as Props)[0]!,
        apiValue(key, value),
      ]),
  );

const dataOf = (call: Call): RequestLaunchTemplateData =>
  apiData(Object.fromEntries(Object.entries(call.inputs).filter(([key]) => !ofTheTemplate.includes(key))));

/** What a version of a template says, for those who launch from it. */
export const templateVersion = async (
  ec2: EC2Client,
  wanted: { id?: string | undefined; name?: string | undefined; version?: string | undefined },
): Promise<{ data: ResponseLaunchTemplateData; id: string; name: string; version: string }> => {
  const ask = new DescribeLaunchTemplateVersionsCommand({
    ...given({ LaunchTemplateId: wanted.id, LaunchTemplateName: wanted.name }),
    Versions: [wanted.version ?? "$Default"],
  });
  const found = (await ec2.send(ask)).LaunchTemplateVersions?.[0];
  if (!found) throw new Error(`launch template ${wanted.id ?? wanted.name} has no version ${wanted.version}`);
  return {
    data: found.LaunchTemplateData ?? {},
    id: found.LaunchTemplateId!,
    name: found.LaunchTemplateName!,
    version: String(found.VersionNumber),
  };
};

export const launchTemplateKinds = (cloud: Cloud): CloudKinds => ({
  "aws:ec2/launchTemplate:LaunchTemplate": {
    autoName: "name",
    replace: ["name", "namePrefix"],
    answers: ["arn", "name", "latestVersion", "defaultVersion"],
    volatile: (changed) => (changed.some(makesVersion) ? ["latestVersion", "defaultVersion"] : []),
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const made = await ec2.send(
        new CreateLaunchTemplateCommand({
          LaunchTemplateName: nameOf(call),
          LaunchTemplateData: dataOf(call),
          ...given({ VersionDescription: text(call, "description") }),
          ...tagsOf(call, "launch-template"),
        }),
      );
      return made.LaunchTemplate!.LaunchTemplateId!;
    },
    read: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const ask = new DescribeLaunchTemplatesCommand({ LaunchTemplateIds: [call.id] });
      const template = (await orNull(() => ec2.send(ask)))?.LaunchTemplates?.[0];
      if (!template) return null;
      return {
        arn: `arn:aws:ec2:${regionOf(cloud, call)}:${cloud.account}:launch-template/${call.id}`,
        name: template.LaunchTemplateName,
        latestVersion: template.LatestVersionNumber,
        defaultVersion: template.DefaultVersionNumber,
      };
    },
    update: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const keys = new Set([...Object.keys(call.inputs), ...Object.keys(call.olds)]);
      const changed = [...keys].filter(
        (key) =>
          makesVersion(key) &&
          !["id", "arn", "latestVersion", "tagsAll"].includes(key) &&
          JSON.stringify(call.inputs[key]) !== JSON.stringify(call.olds[key]),
      );
      if (changed.length > 0) {
        const made = await ec2.send(
          new CreateLaunchTemplateVersionCommand({
            LaunchTemplateId: call.id,
            LaunchTemplateData: dataOf(call),
            ...given({ VersionDescription: text(call, "description") }),
          }),
        );
        const version = flag(call, "updateDefaultVersion")
          ? made.LaunchTemplateVersion?.VersionNumber
          : number(call, "defaultVersion");
        if (version !== undefined)
          await ec2.send(
            new ModifyLaunchTemplateCommand({ LaunchTemplateId: call.id, DefaultVersion: String(version) }),
          );
      }
      await updateTags(ec2, call);
    },
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      await unlessGone(() => ec2.send(new DeleteLaunchTemplateCommand({ LaunchTemplateId: call.id })));
    },
  },
});
