/** docs/settings.md from the schemas of the settings: every setting, what is allowed, its default, what it does. */
import { type JsonSchema, sections } from "../schema/build.ts";

const quoted = (value: unknown) => `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;

const isTime = (name: string) => /Time|Timeout$/.test(name);

const allowed = (name: string, schema: JsonSchema): string => {
  if (isTime(name)) return "time: `30s`, `5m`, `6h`";
  if (schema.enum) return schema.enum.map(quoted).join(", ");
  if (schema.const !== undefined) return quoted(schema.const);
  if (schema.anyOf)
    return [...new Set(schema.anyOf.map((one) => allowed("", one)))].filter(Boolean).join(", or ");
  const { minimum, exclusiveMinimum, maximum } = schema;
  switch (schema.type) {
    case "boolean":
      return "`true`, `false`";
    case "integer":
      return (maximum ?? Infinity) > 1e9 ? "a whole number" : `${minimum ?? ""} to ${maximum}`;
    case "number":
      return exclusiveMinimum === undefined ? `${minimum ?? 0} to ${maximum}` : `up to ${maximum}`;
    case "array":
      return "list";
    case "string":
      return "text";
    case "object":
      return "names and values";
    default:
      return "";
  }
};

const escaped = (text: string) => text.replaceAll("|", "\\|");

const rows = (schema: JsonSchema, prefix: string): string[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, one]) => {
    const path = prefix ? `${prefix}.${name}` : name;
    if (one.properties) return rows(one, path);
    const required = schema.required?.includes(name) ?? false;
    const value =
      one.default !== undefined && JSON.stringify(one.default) !== "[]" ? quoted(one.default) : "";
    const example = one.examples?.[0] === undefined ? "" : ` Such as ${quoted(one.examples[0])}.`;
    const cells = [
      `\`${path}\``,
      allowed(name, one),
      required ? "needed" : value,
      `${one.description ?? ""}${example}`,
    ];
    return [`| ${cells.map(escaped).join(" | ")} |`];
  });

const table = (schema: JsonSchema, prefix = "") =>
  ["| setting | allowed | default | |", "| --- | --- | --- | --- |", ...rows(schema, prefix)].join("\n");

export const settingsPage = (): string => `# Settings

A stack's settings stand in \`Pulumi.STACK.yaml\`, each section under its key, and are edited there or with
\`pulumi config set --path\`. Everything that is wrong is reported at once, before anything is created: the path, the value,
what is allowed, and the nearest name. Editors complete and check them by \`schema/settings.json\`, which the first line of
[Pulumi.dev.yaml](../Pulumi.dev.yaml) names. This page is made of the program (\`npm run docs\`). A default that is left empty
is told in the text, or there is none.

## Smallest

On this computer, and on AWS:

\`\`\`yaml
config:
  muster:github: { url: https://github.com/acme/app }
\`\`\`

\`\`\`yaml
config:
  muster:github: { url: https://github.com/acme }
  muster:manager: { on: aws }
  muster:aws: { region: eu-central-1 }
\`\`\`

## muster:github

${table(sections.github)}

Secrets have flat keys, always stored with \`--secret\`: \`muster:githubToken\`, or \`muster:githubAppKey\` with \`github.app\`.
[setup.md](setup.md) sets them.

## muster:pools

By name: small letters, digits and dashes. No pool's labels may equal or contain another's.

${table(sections.pool)}

A backend is \`local\` or \`aws\`, and follows the manager's place: a manager on this computer has machines here, a manager on
AWS has machines there.

### An \`aws\` backend

\`\`\`yaml
muster:pools:
  arm64:
    max: 20
    backends:
      - aws: { types: [c8g.2xlarge, c7g.2xlarge], market: spot }
      - aws: { types: [c7g.2xlarge], market: on-demand }
\`\`\`

${table(sections.awsEntry)}

Refused because they would not do what the pool says: types of two architectures or with and without a GPU in one pool, types of
another architecture than the labels promise, less than 4 cores, 8 GB or 100 GB of disk without \`small\`, less than 100 Mbit/s
for long, and g4ad, whose GPU ROCm does not support. A type that muster does not know is allowed: what it has is taken from its
name, and it is counted at \`price\`, or else as the dearest type that is known.

## muster:budget

${table(sections.budget)}

## muster:manager

\`on: local\`, this computer:

${table(sections.manager)}

\`on: aws\`:

${table(sections.awsManager)}

## muster:aws

Only with \`manager.on: aws\`. The stack's regions are \`region\` and those that pools name; each has a network, and they are
peered.

${table(sections.aws)}

## muster:network

Only with \`manager.on: aws\`. A network of the stack's own:

${table(sections.ownNetwork)}

or one that is there:

${table(sections.existingNetwork)}

## muster:trustJobs

\`true\` or \`false\`. ${sections.trustJobs.description}
`;
