/** docs/outputs.md from the comments of infra/outputs.ts: what is written there once is what people read. */
import ts from "typescript";

interface Field {
  name: string;
  type: string;
  text: string;
}

/** As people read types: an Output is its value once `up` is done. */
const plain = (type: string): string =>
  type
    .replaceAll(/pulumi\.Output<([^<>]*)>/g, "$1")
    .replaceAll(/\s+/g, " ")
    .replaceAll("|", "\\|");

const textOf = (node: ts.Node): string =>
  ts
    .getJSDocCommentsAndTags(node)
    .filter(ts.isJSDoc)
    .map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? "")
    .join(" ");

/** The interfaces of a source file by name, with their comments. */
const interfaces = (source: ts.SourceFile): Map<string, { text: string; fields: Field[] }> => {
  const found = new Map<string, { text: string; fields: Field[] }>();
  ts.forEachChild(source, (node) => {
    if (!ts.isInterfaceDeclaration(node)) return;
    const fields = node.members.filter(ts.isPropertySignature).map((member) => ({
      name: member.name.getText(source),
      type: plain(member.type!.getText(source)),
      text: textOf(member),
    }));
    found.set(node.name.text, { text: textOf(node), fields });
  });
  return found;
};

const head = `# Outputs of a stack

Other programs read them with a \`StackReference\`, people with \`pulumi stack output\`. None is secret. This page is made of the
comments in [infra/outputs.ts](../infra/outputs.ts) by \`npm run docs\`.

\`\`\`ts
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

const muster = new pulumi.StackReference("organization/muster/prod");
const groups = muster.requireOutput("runnerGroups") as pulumi.Output<Record<string, string>>;

// Lets the runners' jobs reach a database.
new aws.vpc.SecurityGroupIngressRule("runners-to-database", {
  securityGroupId: database.securityGroupId,
  referencedSecurityGroupId: groups.apply((byRegion) => byRegion["eu-central-1"]!),
  ipProtocol: "tcp",
  fromPort: 5432,
  toPort: 5432,
});

// Tells the team's chat when an alarm goes off.
const alarms = muster.requireOutput("alarmTopic") as pulumi.Output<string>;
\`\`\`
`;

const table = (fields: readonly Field[]) =>
  [
    "| output | type | what it is |",
    "| --- | --- | --- |",
    ...fields.map(
      ({ name, type, text }) => `| \`${name}\` | ${type.includes("{") ? type : `\`${type}\``} | ${text} |`,
    ),
  ].join("\n");

/** @param source text of infra/outputs.ts */
export const outputsPage = (source: string): string => {
  const all = interfaces(ts.createSourceFile("outputs.ts", source, ts.ScriptTarget.Latest, true));
  const section = (title: string, name: string) => {
    const { text, fields } = all.get(name)!;
    return `## ${title}\n\n${text}\n\n${table(fields)}\n`;
  };
  return [
    head,
    section("On AWS", "AwsOutputs"),
    section("`costs`", "Costs"),
    section("`commands`", "AwsCommands"),
    section("On this computer", "LocalOutputs"),
  ].join("\n");
};
