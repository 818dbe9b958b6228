/** Machines come into being: from this stack's templates, with its tag. */
import { stackTag } from "../tags.ts";
import { arns, unique } from "./arn.ts";
import type { ManagerPolicyArgs, Statement } from "./statement.ts";

export const launching = (args: ManagerPolicyArgs): Statement[] => {
  const arn = arns(args.region);
  const places = args.places.filter(({ fixed }) => !fixed);
  if (places.length === 0) return [];
  const regions = unique(places.map(({ region }) => region));
  const everywhere = (...kinds: string[]) =>
    regions.flatMap((region) => kinds.map((kind) => arn.ec2(region, `${kind}/*`)));
  const templates = unique(
    places.map(({ region, template }) => arn.ec2(region, `launch-template/${template}`)),
  );
  const subnets = unique(
    places.flatMap(({ region, subnets }) => subnets.map((id) => arn.ec2(region, `subnet/${id}`))),
  );
  const ours = { [`aws:RequestTag/${stackTag}`]: args.stack };
  return [
    {
      // One call launches machines: of this stack's templates, into this stack's subnets.
      Sid: "LaunchFromOwnTemplates",
      Effect: "Allow",
      Action: ["ec2:CreateFleet", "ec2:RunInstances"],
      Resource: [...templates, ...subnets],
    },
    {
      // The machine itself: only from one of the templates, and only with the stack's tag from its first moment.
      Sid: "LaunchTaggedMachines",
      Effect: "Allow",
      Action: ["ec2:RunInstances"],
      Resource: everywhere("instance"),
      Condition: { StringEquals: ours, ArnEquals: { "ec2:LaunchTemplate": templates } },
    },
    {
      // Image and firewall are the template's; the call cannot put others in their place.
      Sid: "LaunchWithTheTemplatesImageAndGroups",
      Effect: "Allow",
      Action: ["ec2:RunInstances"],
      Resource: everywhere("image", "security-group"),
      Condition: { Bool: { "ec2:IsLaunchTemplateResource": "true" } },
    },
    {
      // What comes into being along with a machine. Not snapshots: a volume could be made of anybody's.
      Sid: "LaunchWithDisksAndInterfaces",
      Effect: "Allow",
      Action: ["ec2:RunInstances"],
      Resource: everywhere("volume", "network-interface", "spot-instances-request"),
    },
    {
      // A fleet request names the same things; a machine of it needs the statements above as well.
      Sid: "AskForFleets",
      Effect: "Allow",
      Action: ["ec2:CreateFleet"],
      Resource: everywhere("fleet", "instance", "image", "security-group", "volume", "network-interface"),
    },
    {
      // Tags are given while a machine is made, never to one that runs: nobody else's becomes ours, ours nobody else's.
      Sid: "TagWhileLaunching",
      Effect: "Allow",
      Action: ["ec2:CreateTags"],
      Resource: everywhere("instance", "volume", "network-interface", "spot-instances-request", "fleet"),
      Condition: { StringEquals: { ...ours, "ec2:CreateAction": ["CreateFleet", "RunInstances"] } },
    },
    ...images(args),
    ...passedRoles(args),
  ];
};

/** A template names its image by a parameter; EC2 reads it with the caller's rights. */
const images = ({ region, imageParameters }: ManagerPolicyArgs): Statement[] =>
  imageParameters.length === 0
    ? []
    : [
        {
          // Which image a template means today.
          Sid: "ResolveImages",
          Effect: "Allow",
          Action: ["ssm:GetParameters"],
          Resource: unique(imageParameters.map((image) => arns(region).parameter(image.region, image.name))),
        },
      ];

const passedRoles = ({ passedRoles: roles }: ManagerPolicyArgs): Statement[] =>
  roles.length === 0
    ? []
    : [
        {
          // Only where a pool insists on an instance profile: that role, and to EC2 alone.
          Sid: "PassTheRolesOfPools",
          Effect: "Allow",
          Action: ["iam:PassRole"],
          Resource: unique(roles),
          Condition: { StringEquals: { "iam:PassedToService": "ec2.amazonaws.com" } },
        },
      ];
