/**
 * What a preview would change, from the engine's event log (`pulumi preview --event-log FILE`): unlike `preview --json`
 * it also says what becomes of the stack's outputs, and so of the costs.
 */
import * as z from "zod";

export type Kind = "create" | "update" | "replace" | "delete";

export interface Change {
  kind: Kind;
  name: string;
  /** `aws:ec2/instance:Instance` */
  type: string;
  /** Inputs that differ, or for a replacement those that force it; names, never values. */
  because: readonly string[];
}

export interface Preview {
  /** Without components: they group resources and are none themselves. */
  changes: readonly Change[];
  unchanged: number;
  /** The stack's outputs as they are, and as they would be. */
  before: Readonly<Record<string, unknown>>;
  after: Readonly<Record<string, unknown>>;
  /** Why the preview failed; empty when it did not. */
  errors: readonly string[];
  /** Policies that something violates, as the pack says it. */
  violations: readonly string[];
  /** The preview came to its end. */
  finished: boolean;
}

const names = z.array(z.string()).nullish();
const state = z.object({ outputs: z.record(z.string(), z.unknown()).nullish() }).nullish();
const metadata = z.object({
  op: z.string(),
  urn: z.string(),
  type: z.string(),
  keys: names,
  diffs: names,
  old: state,
  new: state,
});
const event = z.object({
  resourcePreEvent: z.object({ metadata }).optional(),
  resOutputsEvent: z.object({ metadata }).optional(),
  diagnosticEvent: z.object({ message: z.string(), severity: z.string() }).optional(),
  policyEvent: z
    .object({ message: z.string(), policyName: z.string(), enforcementLevel: z.string() })
    .optional(),
  summaryEvent: z.object({}).optional(),
});
type Metadata = z.infer<typeof metadata>;

/** Steps of the engine by what they mean for people. The parts of a replacement come with different words. */
const kinds: Readonly<Record<string, Kind>> = {
  create: "create",
  import: "create",
  update: "update",
  replace: "replace",
  "create-replacement": "replace",
  "delete-replaced": "replace",
  "import-replacement": "replace",
  delete: "delete",
};

/** Marks for colours in messages: `<{%fg 1%}>`. */
const bare = (text: string) => text.replace(/<\{%[^%]*%\}>/g, "").trim();

const nameOf = (urn: string) => urn.split("::").slice(3).join("::");

/** Those of this program, and the stack itself. */
const isComponent = (type: string) => type === "pulumi:pulumi:Stack" || type.startsWith("muster:");

const change = ({ op, urn, type, keys, diffs }: Metadata): Change | null => {
  const kind = kinds[op];
  if (kind === undefined) return null;
  const because = (kind === "replace" && keys && keys.length > 0 ? keys : diffs) ?? [];
  return { kind, name: nameOf(urn), type, because: kind === "create" || kind === "delete" ? [] : because };
};

/** @throws Error naming the line that is not an event */
const parse = (line: string, index: number) => {
  try {
    return event.parse(JSON.parse(line));
  } catch (error) {
    throw new Error(
      `line ${index + 1} of the event log is not an event of the engine; give the file that ` +
        `"pulumi preview --event-log FILE" wrote`,
      { cause: error },
    );
  }
};

/**
 * @param text the event log: one JSON object a line
 * @throws Error when it is something else
 */
export const readPreview = (text: string): Preview => {
  const events = text.split("\n").filter(Boolean).map(parse);
  const changes = new Map<string, Change>();
  let unchanged = 0;
  let before: Preview["before"] = {};
  let after: Preview["after"] = {};
  for (const { resourcePreEvent, resOutputsEvent } of events) {
    const step = resourcePreEvent?.metadata;
    if (step?.op === "same" && !isComponent(step.type)) unchanged++;
    const found = step && !isComponent(step.type) && change(step);
    // The step that says what forces a replacement says more than its other parts.
    if (found && (changes.get(step.urn)?.because.length ?? 0) <= found.because.length)
      changes.set(step.urn, found);
    const stack = resOutputsEvent?.metadata ?? step;
    if (stack?.type !== "pulumi:pulumi:Stack") continue;
    before = stack.old?.outputs ?? before;
    after = stack.new?.outputs ?? after;
  }
  const errors = events.flatMap(({ diagnosticEvent }) =>
    diagnosticEvent?.severity === "error" ? [bare(diagnosticEvent.message)] : [],
  );
  const violations = events.flatMap(({ policyEvent }) =>
    policyEvent === undefined ? [] : [`${policyEvent.policyName}: ${bare(policyEvent.message)}`],
  );
  return {
    changes: [...changes.values()],
    unchanged,
    before,
    after,
    errors: errors.filter(Boolean),
    violations,
    finished: events.some(({ summaryEvent }) => summaryEvent !== undefined),
  };
};
