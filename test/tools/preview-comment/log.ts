/** Event logs as the engine writes them, cut to what a comment is made of. */

const urn = (type: string, name: string) => `urn:pulumi:dev::muster::${type}::${name}`;

export const step = (
  op: string,
  type: string,
  name: string,
  more: { keys?: string[]; diffs?: string[]; inputs?: Record<string, unknown> } = {},
) => ({
  resourcePreEvent: {
    metadata: {
      op,
      urn: urn(type, name),
      type,
      old: null,
      new: { type, urn: urn(type, name), inputs: more.inputs ?? {}, outputs: {} },
      keys: more.keys ?? null,
      diffs: more.diffs ?? null,
    },
    planning: true,
  },
});

export const outputs = (before: Record<string, unknown> | null, after: Record<string, unknown>) => ({
  resOutputsEvent: {
    metadata: {
      op: "same",
      urn: urn("pulumi:pulumi:Stack", "muster-dev"),
      type: "pulumi:pulumi:Stack",
      old: before === null ? null : { outputs: before },
      new: { outputs: after },
    },
    planning: true,
  },
});

export const failure = (message: string) => ({
  diagnosticEvent: { prefix: "error: ", message: `<{%reset%}>${message}<{%reset%}>\n`, severity: "error" },
});

export const refusal = (policyName: string, message: string) => ({
  policyEvent: { policyName, message: `<{%reset%}>${message}\n`, enforcementLevel: "mandatory" },
});

export const end = { summaryEvent: { durationSeconds: 2, resourceChanges: {}, isPreview: true } };

export const log = (...events: object[]): string =>
  events
    .map((event, sequence) => `${JSON.stringify({ sequence, timestamp: 1_795_000_000, ...event })}\n`)
    .join("");

/** @param more what stacks of earlier versions do not say */
export const costs = (idlePerHour: number, atMostPerHour: number, more: object = {}) => ({
  costs: {
    ...more,
    currency: "USD",
    idlePerHour,
    idlePerMonth: idlePerHour * 730,
    atMostPerHour,
    atMostPerMonth: atMostPerHour * 730,
    pricesOf: "2026-11-01",
  },
});
