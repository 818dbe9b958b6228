/** The shape of an `aws` entry of a pool's backends. */
import * as z from "zod";
import { text, wholeNumber, yesOrNo } from "../schema-parts.ts";
import { account, matching, regionName, securityGroupIds } from "./schema.ts";

const typesAllowed = "allowed is a list of machine types of AWS, such as [c8g.2xlarge, c7g.2xlarge]";
const priceAllowed = "allowed is an amount of USD per hour, such as 0.35";

/** One `aws` entry of a pool's backends. */
export const entry = z.strictObject({
  types: z
    .array(text(typesAllowed), typesAllowed)
    .min(1, typesAllowed)
    .optional()
    .meta({
      description:
        "Machine types, all of one architecture and all with or all without a GPU. Left out: types of the recommended size (8 cores, 16 GB) that fit the pool's labels and `gpu`.",
      examples: [["c8g.2xlarge", "c7g.2xlarge"]],
    }),
  market: z.enum(["spot", "on-demand"]).optional().meta({
    description:
      "Left out: spot, and on-demand for `fixed`. A job that loses its spot machine is run again once.",
  }),
  region: regionName
    .optional()
    .meta({ description: "Left out: the home region. Others are peered with it." }),
  disk: wholeNumber(8, 16_384).optional().meta({
    description: "GB of the encrypted gp3 volume. Left out: 200, and 100 where a type has less than 8 cores.",
  }),
  throughput: wholeNumber(125, 2_000)
    .default(400)
    .meta({ description: "MiB per second of that volume; 125 costs nothing extra." }),
  image: matching(
    /^(ami-[0-9a-f]{8,17}|\/[\w.-]+(\/[\w.-]+)+)$/,
    "allowed is the id of an image, such as ami-0123456789abcdef0, or an SSM parameter that holds one, such as /acme/image",
  )
    .optional()
    .meta({
      description:
        "An image of your own: `ami-...`, or the name of an SSM parameter that holds one. Left out: Ubuntu 24.04; with a GPU, AWS's image of it with drivers.",
    }),
  fixed: wholeNumber(0, 1_000).default(0).meta({
    description:
      "Machines that always exist and serve job after job, cleaned between them, in place of machines that are launched for jobs.",
  }),
  price: z.number(priceAllowed).positive(priceAllowed).max(1_000, priceAllowed).optional().meta({
    description:
      "USD per hour at which each type of this entry is counted. For types that muster does not know.",
  }),
  small: yesOrNo.default(false).meta({
    description: "Allow machines and disks below the minimum of 4 cores, 8 GB and 100 GB.",
  }),
  securityGroupIds: securityGroupIds
    .default([])
    .meta({ description: "Security groups that these machines get besides those that are made." }),
  instanceProfile: matching(
    new RegExp(`^(${account}:iam::\\d{12}:instance-profile/[\\w+=,.@/-]+|[\\w+=,.@-]{1,128})$`),
    "allowed is the name or the ARN of an instance profile",
  )
    .optional()
    .meta({
      description:
        "Name or ARN of an instance profile: the rights of its role are those of every job of these machines, though not of containers in a bridge network. Better leave it out: GitHub's OIDC gives rights to one workflow of one repository.",
    }),
  instanceProfileRole: matching(
    new RegExp(`^${account}:iam::\\d{12}:role/[\\w+=,.@/-]+$`),
    "allowed is the ARN of a role, such as arn:aws:iam::123456789012:role/builder",
  )
    .optional()
    .meta({
      description:
        "ARN of the role in `instanceProfile`: the manager may give this one to machines, and no other. Needed with it, but for `fixed`, whose machines `up` makes.",
      examples: ["arn:aws:iam::123456789012:role/builder"],
    }),
});
export type Entry = z.output<typeof entry>;
