/**
 * Whether the manager's role may launch, tag and end machines of this stack, judged by IAM's simulator with the conditions
 * that EC2 would set in the manager's own calls (docs.aws.amazon.com/service-authorization/latest/reference/
 * list_amazonec2.html). Asked of the role itself: a dry run would tell of whoever runs the doctor.
 */
import { stackTag } from "../../../aws-tags.ts";
import { blocker, type Finding, ok, warning } from "../finding.ts";
import { atAws, type Deployed } from "./facts.ts";
import { AwsRefused, type Judged, type Simulation } from "./ports.ts";

type Question = Omit<Simulation, "source">;

const unique = (values: readonly string[]) => [...new Set(values)].sort();

/** What a launch and an end ask of IAM, for each resource that comes into play. */
export const managerQuestions = (
  { stack, entries }: Pick<Deployed, "stack" | "entries">,
  { account, partition }: { account: string; partition: string },
): Question[] => {
  const launching = entries.flatMap(({ entry }) => (entry.fixed.length === 0 ? [entry] : []));
  const request = { [`aws:RequestTag/${stackTag}`]: stack };
  return unique(launching.map(({ region }) => region)).flatMap((region): Question[] => {
    const here = launching.filter((entry) => entry.region === region);
    const arn = (resource: string, owner = account) => `arn:${partition}:ec2:${region}:${owner}:${resource}`;
    const templates = unique(here.map(({ template }) => arn(`launch-template/${template.id}`)));
    const subnets = unique(here.flatMap((entry) => entry.subnets.map(({ id }) => arn(`subnet/${id}`))));
    const image = arn("image/ami-0", "");
    const made = ["volume/vol-0", "network-interface/eni-0"].map((resource) => arn(resource));
    const machine = arn("instance/i-0");
    const ask = (action: string, resources: readonly string[], context: Record<string, string> = {}) => ({
      actions: [action],
      resources,
      context: { "aws:RequestedRegion": region, ...context },
    });
    return [
      ask("ec2:CreateFleet", [...templates, ...subnets, arn("fleet/fleet-0")], request),
      ask("ec2:RunInstances", [...templates, ...subnets, ...made]),
      ...templates.map((template) =>
        ask("ec2:RunInstances", [machine], { ...request, "ec2:LaunchTemplate": template }),
      ),
      ask("ec2:RunInstances", [image, arn("security-group/sg-0")], {
        "ec2:IsLaunchTemplateResource": "true",
      }),
      ask("ec2:CreateTags", [machine, ...made], { ...request, "ec2:CreateAction": "RunInstances" }),
      ask("ec2:CreateTags", [arn("fleet/fleet-0")], { ...request, "ec2:CreateAction": "CreateFleet" }),
      ask("ec2:TerminateInstances", [machine], { [`aws:ResourceTag/${stackTag}`]: stack }),
    ];
  });
};

/** `ec2:RunInstances on image, volume`, a text an action. */
const byAction = (judged: readonly Judged[]): string =>
  unique(judged.map(({ action }) => action))
    .map((action) => {
      const kinds = judged
        .filter((one) => one.action === action)
        .map(({ resource }) => resource.split(":").slice(5).join(":").split("/")[0]!);
      return `${action} on ${unique(kinds).join(", ")}`;
    })
    .join("; ");

const findingOf = (judged: readonly Judged[], role: string, stack: string): Finding => {
  const denied = judged.filter(({ allowed }) => !allowed);
  const sure = denied.filter(({ missing }) => missing.length === 0);
  if (sure.length > 0)
    return blocker(
      "manager-rights",
      `the manager's role ${role} may not: ${byAction(sure)}; machines are not launched, or not ended (reason denied)`,
      `npm run pulumi -- up -s ${stack} writes its policy anew; if it stays, a permissions boundary or a policy of the organisation forbids it`,
    );
  if (denied.length > 0) {
    const keys = unique(denied.flatMap(({ missing }) => missing)).join(", ");
    return warning(
      "manager-rights",
      `whether the manager's role ${role} may ${byAction(denied)} hangs on conditions that only a real call has: ${keys}`,
      "docs/reasons.md#denied",
    );
  }
  const actions = unique(judged.map(({ action }) => action)).join(", ");
  return ok("manager-rights", `IAM's simulator allows the manager's role ${role}: ${actions}`);
};

export const managerRightsCheck = atAws(async (aws, { stack }) => {
  const [deployed, ports] = [await aws.deployed(), await aws.ports()];
  const { account, arn } = await aws.identity();
  const questions = managerQuestions(deployed, { account, partition: arn.split(":")[1] ?? "aws" });
  if (questions.length === 0) return [];
  const profile = (await ports.managers(deployed.home, deployed.stack))[0]?.profile ?? null;
  // That it is not there, or has no role, is told by the line of the machine.
  if (profile === null) return [];
  try {
    const role = await ports.profileRole(profile);
    if (role === null)
      return [
        blocker(
          "manager-rights",
          `the manager's instance profile ${profile} has no role: it can do nothing at AWS`,
          `npm run pulumi -- refresh -s ${stack}, then npm run pulumi -- up -s ${stack}`,
        ),
      ];
    const judged: Judged[] = [];
    for (const question of questions) judged.push(...(await ports.simulate({ source: role, ...question })));
    return [findingOf(judged, role.split("/").at(-1)!, stack)];
  } catch (error) {
    if (!(error instanceof AwsRefused)) throw error;
    return [
      warning(
        "manager-rights",
        `cannot be told: ${error.message}`,
        "the rights are iam:GetInstanceProfile and iam:SimulatePrincipalPolicy; docs/reasons.md#denied tells how a missing one shows",
      ),
    ];
  }
});
