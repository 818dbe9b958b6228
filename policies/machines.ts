/** What machines are given: no rights of their own for runners, and metadata that jobs' containers cannot read. */
import { ofType, violation, within, type Policy, type Resource } from "./policy.ts";
import { isGiven, isUnknown, list, plain } from "./values.ts";

const template = "aws:ec2/launchTemplate:LaunchTemplate";
const instance = "aws:ec2/instance:Instance";

/** Everything but the manager counts as a runner: a new component has to prove itself harmless. */
const isRunner = (resource: Resource) => !within(resource, "muster:aws:Manager");

export const noInstanceProfile: Policy = {
  name: "no-instance-profile-on-runners",
  what: "Machines that run jobs have no instance profile.",
  why: "A job could use its rights, and so could everybody whose pull request runs there.",
  scope: "resource",
  check: (resources) =>
    ofType(resources, template, instance)
      .filter(isRunner)
      .filter(({ inputs }) => isGiven(inputs["iamInstanceProfile"]))
      .map((resource) =>
        violation(
          resource,
          "gives jobs the rights of an instance profile",
          "remove instanceProfile from the pool, and let jobs ask for rights of their own by OpenID Connect",
        ),
      ),
};

const metadataProblem = ({ inputs }: Resource): string | null => {
  const [options] = list(inputs["metadataOptions"]);
  if (options === undefined) return "says nothing of instance metadata, so that its first version answers";
  if (plain(options["httpEndpoint"]) === "disabled") return null;
  if (plain(options["httpTokens"]) !== "required") return "answers metadata calls without a token";
  const hops = plain(options["httpPutResponseHopLimit"]);
  if (isUnknown(hops) || hops === 1) return null;
  return "lets metadata answers pass on to containers";
};

export const metadata: Policy = {
  name: "metadata-version-2-one-hop",
  what: "Instance metadata wants a token (IMDSv2) and answers one hop far.",
  why: "A job's container, or a page that a job is made to fetch, must not read what belongs to the machine.",
  scope: "resource",
  check: (resources) =>
    ofType(resources, template, instance)
      // An instance of a template has the template's.
      .filter(({ inputs }) => !isGiven(inputs["launchTemplate"]) || isGiven(inputs["metadataOptions"]))
      .flatMap((resource) => {
        const problem = metadataProblem(resource);
        const cure = "set metadataOptions to httpTokens required and httpPutResponseHopLimit 1";
        return problem === null ? [] : [violation(resource, problem, cure)];
      }),
};
