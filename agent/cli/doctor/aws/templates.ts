/**
 * Each pool's launch template at the version that the manager launches from: it is there, its image too, and EC2 would launch
 * its types into its subnets. The dry run is judged by the rights of whoever runs the doctor, and EC2 names no list of what
 * else it looks at in one (docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html, DryRun): what it refuses
 * would fail, what it lets pass may still find no capacity, no quota and no address.
 */
import { rowOf, plainly } from "../../../manager/backends/aws/reasons.ts";
import type { AwsBackend } from "../../../manager-config.ts";
import { blocker, type Finding, ok, warning } from "../finding.ts";
import { rights } from "./account.ts";
import { atAws } from "./facts.ts";
import { type AwsPorts, AwsRefused, type Launch } from "./ports.ts";

/** One that the calls of somebody else, or the moment, explain as well. */
const isPassing = ({ code }: AwsRefused) => ["throttled", "unavailable"].includes(rowOf(code, 400).reason);
const isDenied = ({ code }: AwsRefused) => rowOf(code, 400).reason === "denied";

const caught = async <T>(work: Promise<T>): Promise<T | AwsRefused> => {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AwsRefused) return error;
    throw error;
  }
};

/** Each type once, each subnet once: what a template, a type or a zone lacks shows in these. */
export const tries = ({ types, subnets, template }: AwsBackend): (Launch & { zone: string })[] => {
  const of = (type: string, { id, zone }: AwsBackend["subnets"][number]) => ({
    template,
    type,
    subnet: id,
    zone,
  });
  const [first, ...more] = types;
  return [
    ...subnets.map((subnet) => of(first!.name, subnet)),
    ...more.map(({ name }) => of(name, subnets[0]!)),
  ];
};

const said = ({ code, said: words }: AwsRefused) => `${code}: ${plainly(words)}`;

/** What is wrong with the template or its image; a string is what is right. */
const lookAtTemplate = async (
  { region, template }: AwsBackend,
  ports: AwsPorts,
): Promise<string | AwsRefused> => {
  const image = await caught(ports.templateImage(region, template));
  if (image instanceof AwsRefused) return image;
  // The dry run tells of an image that EC2 did not resolve here.
  if (image === null || image.startsWith("resolve:")) return "";
  const state = await caught(ports.imageState(region, image));
  if (state instanceof AwsRefused) return state;
  if (state === "available") return `, image ${image}`;
  const problem = state === null ? "does not exist, or not for this account" : `is ${state}`;
  return new AwsRefused("DescribeImages", "InvalidAMIID", `the image ${image} ${problem}`);
};

const lookAtEntry = async (
  pool: string,
  entry: AwsBackend,
  stack: string,
  ports: AwsPorts,
): Promise<Finding> => {
  const { name, region, template } = entry;
  const who = `pool ${pool} (${name})`;
  const what = `${who}: template ${template.id} version ${template.version}`;
  const again = `npm run pulumi -- refresh -s ${stack}, then npm run pulumi -- up -s ${stack}`;
  const level = (error: AwsRefused) => (isDenied(error) || isPassing(error) ? warning : blocker);

  const image = await lookAtTemplate(entry, ports);
  if (image instanceof AwsRefused && !isDenied(image))
    return level(image)("templates", `${what}: ${said(image)}`, again);
  const wanted = tries(entry);
  const refused: { at: Launch & { zone: string }; error: AwsRefused }[] = [];
  // One after the other: EC2 allows an account few launches a second, and the manager needs them, too.
  for (const at of wanted) {
    const found = await caught(ports.tryLaunch(region, at));
    if (!(found instanceof AwsRefused)) continue;
    // It would say the same of all others.
    if (isDenied(found))
      return warning(
        "templates",
        `${what} cannot be tried by these credentials: ${said(found)}; what the manager may do is another line`,
        rights,
      );
    refused.push({ at, error: found });
  }
  if (refused.length === 0) {
    const types = entry.types.map((type) => type.name).join(", ");
    const zones = entry.subnets.map(({ zone }) => zone).join(", ");
    return ok(
      "templates",
      `${what}${image instanceof AwsRefused ? "" : image}: EC2 would launch ${types} in ${zones} (a dry run, by these credentials)`,
    );
  }
  const { at, error } = refused[0]!;
  const more = refused.length > 1 ? `; and ${refused.length - 1} more of ${wanted.length} tries` : "";
  const why = `${what}: EC2 would not launch ${at.type} in ${at.zone}: ${said(error)}${more}`;
  const all = refused.length === wanted.length;
  return (all ? level(error) : warning)("templates", why, again);
};

export const templatesCheck = atAws(async (aws, { stack }) => {
  const [{ entries }, ports] = [await aws.deployed(), await aws.ports()];
  const launching = entries.filter(({ entry }) => entry.fixed.length === 0);
  return Promise.all(launching.map(({ pool, entry }) => lookAtEntry(pool, entry, stack, ports)));
});
