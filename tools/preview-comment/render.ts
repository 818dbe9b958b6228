/** From previews to the one comment of a pull request, as Markdown. */
import { reachOf, rightsOf } from "./access.ts";
import { costLine, costRows, costsOf, poolRows } from "./costs.ts";
import type { Change, Kind, Preview } from "./events.ts";

/** The first line of the comment, by which it is found again. */
export const marker = "<!-- muster:preview -->";

/** GitHub takes 65,536 characters. */
export const longest = 60_000;
const rowsShown = 100;
/** More new resources than these are folded away, so that what happens to those that exist is seen. */
const createsShown = 10;
const messageShown = 2_000;

export interface StackPreview {
  stack: string;
  /** null when the preview wrote nothing. */
  preview: Preview | null;
}

const order: readonly Kind[] = ["replace", "delete", "create", "update"];
const words: Readonly<Record<Kind, string>> = {
  create: "create",
  update: "update",
  replace: "**REPLACE**",
  delete: "**delete**",
};

/** Names come from the pull request: nothing in them may end the code span, the row or the line. */
const visible = (text: string) => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, " ").trim();
const code = (text: string) => `\`${visible(text).replace(/[`|]/g, "'").slice(0, 200)}\``;

/** What looks like a credential in a message; the engine hides only those that it knows. */
const credentials =
  /-----BEGIN [^-]*PRIVATE KEY-----[^]*?(?:-----END [^-]*-----|$)|\bgh[pousr]_\w+|\bgithub_pat_\w+|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g;

/** A message as it is, in a block that it cannot leave. */
const block = (text: string) => {
  const shown = text
    .replace(credentials, "[secret]")
    .split("\n")
    .map((line) => visible(line).replaceAll("```", "'''"))
    .join("\n");
  return ["```text", shown.slice(0, messageShown) + (shown.length > messageShown ? "\n..." : ""), "```"];
};

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [
  `| ${head.join(" | ")} |`,
  `| ${head.map(() => "---").join(" | ")} |`,
  ...rows.map((row) => `| ${row.join(" | ")} |`),
];

const counts = ({ changes, unchanged }: Preview): string => {
  const parts = order.flatMap((kind) => {
    const count = changes.filter((change) => change.kind === kind).length;
    return count === 0 ? [] : [`${count} to ${kind}`];
  });
  return parts.length === 0 ? "Nothing would change." : `**${parts.join(", ")}**, ${unchanged} unchanged.`;
};

/** `aws:ec2/launchTemplate:LaunchTemplate` -> `ec2:LaunchTemplate` */
const kindOf = (type: string) => {
  const [pkg = "", module = "", name = ""] = type.split(":");
  const short = module.split("/")[0]!;
  return `${short === "index" || pkg !== "aws" ? pkg : short}:${name}`;
};

const because = ({ because: inputs }: Change) => inputs.map(code).join(", ");

const loud = (changes: readonly Change[]): string[] => {
  const replaced = changes.filter(({ kind }) => kind === "replace");
  if (replaced.length === 0) return [];
  const lines = replaced
    .slice(0, rowsShown)
    .map((change) => `> - ${code(change.name)}${change.because.length > 0 ? `: ${because(change)}` : ""}`);
  return [`> [!CAUTION]`, `> **Destroyed and made anew:**`, ...lines, ""];
};

const byKindAndName = (a: Change, b: Change) =>
  order.indexOf(a.kind) - order.indexOf(b.kind) || (a.name < b.name ? -1 : 1);

const rowsOf = (changes: readonly Change[]): string[] => {
  const rows = changes
    .slice(0, rowsShown)
    .map((change) => [words[change.kind], code(change.name), code(kindOf(change.type)), because(change)]);
  const more = changes.length - rows.length;
  return [
    ...table(["", "resource", "kind", "differs in"], rows),
    ...(more > 0 ? ["", `... and ${more} more.`] : []),
    "",
  ];
};

const folded = (title: string, lines: readonly string[]) => [
  `<details><summary>${title}</summary>`,
  "",
  ...lines,
  "</details>",
  "",
];

const changeTables = (all: readonly Change[]): string[] => {
  const changes = [...all].sort(byKindAndName);
  const created = changes.filter(({ kind }) => kind === "create");
  if (created.length <= createsShown) return changes.length > 0 ? rowsOf(changes) : [];
  const others = changes.filter(({ kind }) => kind !== "create");
  return [
    ...(others.length > 0 ? rowsOf(others) : []),
    ...folded(`${created.length} to create`, rowsOf(created)),
  ];
};

const isNew = ({ unchanged, before }: Preview) => unchanged === 0 && Object.keys(before).length === 0;

/** What a review is for. On a new stack all of it is new, and says nothing. */
const access = (preview: Preview): string[] => {
  const changes = isNew(preview) ? [] : [...preview.changes].sort(byKindAndName);
  const named = (found: Change[]) =>
    found
      .slice(0, rowsShown)
      .map((change) => `${words[change.kind]} ${code(change.name)} (${code(kindOf(change.type))})`);
  const reach = named(reachOf(changes)).map((line) => `> - ${line}`);
  const rights = named(rightsOf(changes));
  return [
    ...(rights.length > 0 ? [`Rights change: ${rights.join(", ")}.`, ""] : []),
    ...(reach.length > 0 ? ["> [!WARNING]", "> **Who may reach what changes:**", ...reach, ""] : []),
  ];
};

const costTable = ({ before, after }: Preview): string[] => {
  const costs = { before: costsOf(before), after: costsOf(after) };
  const rows = costRows(costs.before, costs.after);
  if (rows === null) return [];
  const pools = poolRows(costs.before, costs.after).map(([name, cells]) => [
    `pool ${code(name)}, at most, an hour`,
    ...cells,
  ]);
  const day = costs.after?.pricesOf ?? costs.before?.pricesOf ?? "";
  return [
    ...table(["costs", "before", "after", ""], [...rows, ...pools]),
    "",
    `List prices of ${visible(day)}.`,
    "",
  ];
};

const costs = ({ before, after }: Preview): string[] => {
  const line = costLine(costsOf(before), costsOf(after));
  return line === null ? [] : [line, ""];
};

const problems = ({ errors, violations }: Preview): string[] => [
  ...(violations.length > 0 ? ["**Policies say no:**", ...block(violations.join("\n")), ""] : []),
  ...(errors.length > 0 ? ["**The preview failed:**", ...block(errors.join("\n")), ""] : []),
];

const section = ({ stack, preview }: StackPreview): string[] => {
  if (preview === null)
    return [`### ${visible(stack)}`, "", "**There is no preview.** The run's log says why.", ""];
  const unfinished =
    preview.finished || preview.errors.length > 0 ? [] : ["**The preview did not come to its end.**", ""];
  return [
    `### ${visible(stack)}`,
    "",
    ...problems(preview),
    ...unfinished,
    ...(preview.errors.length > 0 ? [] : [counts(preview), "", ...costs(preview)]),
    ...loud(preview.changes),
    ...access(preview),
    ...changeTables(preview.changes),
    ...costTable(preview),
  ];
};

/** @param commit the commit that was previewed */
export const renderComment = (previews: readonly StackPreview[], commit: string): string => {
  const lines = [
    marker,
    `## What ${code(commit.slice(0, 12))} would change`,
    "",
    ...previews.flatMap(section),
  ];
  const text = `${lines.join("\n").trimEnd()}\n`;
  if (text.length <= longest) return text;
  const cut = text.slice(0, text.lastIndexOf("\n", longest));
  const isFolded = cut.lastIndexOf("<details>") > cut.lastIndexOf("</details>");
  return `${cut}\n\n${isFolded ? "</details>\n\n" : ""}Cut here: the run's log has the rest.\n`;
};
