/** The settings as JSON Schema, for editors: of the zod schemas that the program reads them with. */
import * as z from "zod";
import { entry } from "../../infra/aws/entry-schema.ts";
import * as aws from "../../infra/aws/schema.ts";
import * as schema from "../../infra/schema.ts";

/** As far as it is used here. */
export interface JsonSchema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  examples?: unknown[];
  const?: unknown;
  enum?: unknown[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  propertyNames?: JsonSchema;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  if?: JsonSchema;
  then?: JsonSchema;
  else?: JsonSchema;
  $schema?: string;
  $ref?: string;
}

const of = (kind: z.ZodType): JsonSchema => {
  const { $schema: _, ...made } = z.toJSONSchema(kind, {
    io: "input",
    unrepresentable: "any",
    target: "draft-7",
  }) as JsonSchema;
  return made;
};

const awsEntry = of(entry);

const backend: JsonSchema = {
  anyOf: [
    { const: "local", description: "This computer." },
    {
      type: "object",
      properties: { local: { type: "object", properties: {}, additionalProperties: false } },
      required: ["local"],
      additionalProperties: false,
      description: "This computer.",
    },
    {
      type: "object",
      properties: { aws: awsEntry },
      required: ["aws"],
      additionalProperties: false,
      description: "Machines of AWS.",
    },
  ],
};

const pool = (): JsonSchema => {
  const made = of(schema.pool);
  return {
    ...made,
    properties: { ...made.properties, backends: { ...made.properties!.backends, items: backend } },
  };
};

/** One of two shapes, by a key: an editor then explains one of them and not both. */
const either = (key: string, value: unknown, then: JsonSchema, otherwise: JsonSchema): JsonSchema => ({
  type: "object",
  if: { properties: { [key]: value === undefined ? {} : { const: value } }, required: [key] },
  then,
  else: otherwise,
});

const secret = (description: string): JsonSchema => ({
  description,
  type: "object",
  properties: { secure: { type: "string" } },
  required: ["secure"],
  additionalProperties: false,
});

export const sections = {
  github: of(schema.github),
  manager: of(schema.manager),
  awsManager: of(aws.awsManager),
  aws: of(aws.aws),
  ownNetwork: of(aws.ownNetwork),
  existingNetwork: of(aws.existingNetwork),
  pool: pool(),
  awsEntry,
  budget: of(schema.budget),
  trustJobs: of(schema.trustJobs),
};

const config: Record<string, JsonSchema> = {
  "muster:github": { ...sections.github, description: "Where runners are registered, and as whom." },
  "muster:manager": {
    ...either("on", "aws", sections.awsManager, sections.manager),
    description: "Where the manager runs, and how.",
  },
  "muster:aws": {
    ...sections.aws,
    description: "What of AWS belongs to no pool. Needed with manager.on: aws.",
  },
  "muster:network": {
    ...either("vpcId", undefined, sections.existingNetwork, sections.ownNetwork),
    description: "The network at AWS: one of the stack's own, or an existing one.",
  },
  "muster:pools": {
    type: "object",
    description: "Pools by name. Left out: one on this computer, or one of arm64 machines at AWS.",
    propertyNames: { type: "string", ...{ pattern: "^[a-z][a-z0-9-]{0,31}$" } } as JsonSchema,
    additionalProperties: sections.pool,
  },
  "muster:budget": {
    ...sections.budget,
    description: "What all machines may cost together. Left out: no limit.",
  },
  "muster:trustJobs": sections.trustJobs,
  "muster:githubToken": secret(
    "Secret: pulumi config set --secret muster:githubToken. For a manager that logs in with a token.",
  ),
  "muster:githubAppKey": secret(
    "Secret: pulumi config set --secret muster:githubAppKey. The private key of `github.app`.",
  ),
};

/** Of a whole `Pulumi.STACK.yaml`. Keys of other namespaces are Pulumi's and other programs'. */
export const fileSchema = (): object => ({
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "Settings of a muster stack",
  type: "object",
  properties: {
    config: {
      type: "object",
      properties: config,
      patternProperties: { "^(?!muster:)": {} },
      additionalProperties: false,
    },
  },
});
