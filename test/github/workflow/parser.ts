/**
 * GitHub's workflow parser. The package imports its schema as JSON without the import attribute that Node asks for
 * (it is made for bundlers), so the attribute is added while it loads.
 */
import { registerHooks } from "node:module";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import type { WorkflowTemplate } from "@actions/workflow-parser/model/workflow-template";
import { parse as parseYaml } from "yaml";
import type * as parser from "@actions/workflow-parser";
import { refuse, type Problem } from "./problems.ts";

type Parser = typeof parser;

const schema = /\/@actions\/workflow-parser\/.*\.json$/;

async function load(): Promise<Parser> {
  const hooks = registerHooks({
    load: (url, context, next) =>
      next(url, schema.test(url) ? { ...context, importAttributes: { type: "json" } } : context),
  });
  try {
    return await import("@actions/workflow-parser");
  } finally {
    hooks.deregister();
  }
}

let loaded: Promise<Parser> | undefined;

export interface Parsed {
  /** Jobs, steps and conditions as GitHub's converter makes them. */
  template: WorkflowTemplate;
  /** The whole file as tokens, with their places. */
  root: TemplateToken;
  /** The whole file as plain values, with what the converter leaves out: `with`, `shell`, `timeout-minutes` ... */
  document: unknown;
}

/** Rejects with every problem that GitHub's parser finds, with its place. */
export async function parse(text: string, file: string): Promise<Parsed> {
  const { parseWorkflow, convertWorkflowTemplate, NoOperationTraceWriter } = await (loaded ??= load());
  const { context, value } = parseWorkflow({ name: file, content: text }, new NoOperationTraceWriter());
  const problems = () =>
    context.errors
      .getErrors()
      .map(({ rawMessage, range }): Problem => ({ at: range?.start ?? null, message: rawMessage }));
  if (value === undefined || context.errors.count > 0) throw refuse(file, problems());
  const template = await convertWorkflowTemplate(context, value);
  if (context.errors.count > 0) throw refuse(file, problems());
  return { template, root: value, document: parseYaml(text) as unknown };
}
