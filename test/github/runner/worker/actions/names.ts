/** The actions that the stand-in runner has. Dispatch refuses every other by name. */
export const supportedActions: readonly string[] = [
  "actions/checkout",
  "actions/setup-node",
  "actions/cache",
  "actions/upload-artifact",
  "actions/download-artifact",
];

/** `actions/checkout` of `actions/checkout@v5`; anything that is no action of a repository is itself. */
export const actionName = (uses: string): string => uses.split("@")[0]!.toLowerCase();
