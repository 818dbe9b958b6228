/** Looks at the object and at the secrets. */
import { startSecrets } from "../manager-config.ts";
import { currentKey } from "../manager-host.ts";
import { type Context, bounded } from "./context.ts";
import { NotWanted, sha256, wantedOf } from "./wanted.ts";

export const keysOf = (secrets: string): string => {
  const values = JSON.parse(secrets) as Record<string, string>;
  return sha256(JSON.stringify(startSecrets.map((name) => values[name] ?? null)));
};

/** Keeps `context.wanted` as bucket and parameter have it; what cannot be read leaves it as it is. */
export const makeWatch = (context: Context) => {
  const { store, options, deps } = context;
  const { callMs } = options.limits;
  const parameterName = `${options.parameterPrefix}/files`;
  let etag: string | null = null;
  let text: string | null = null;
  return async (): Promise<void> => {
    const found = await bounded(context, callMs, `reading ${currentKey}`, (signal) =>
      store.text(currentKey, etag, signal),
    );
    if (found === "missing") throw new NotWanted(`the bucket has no ${currentKey}: run "pulumi up"`);
    if (found !== "same") ({ etag, text } = found);
    else if (context.wanted) return;
    // What cannot be read, or is not agreed, is not wanted: what runs goes on until both say the same.
    context.wanted = null;
    const parameter = await bounded(context, callMs, `reading ${parameterName}`, (signal) =>
      store.parameter(parameterName, signal),
    );
    context.wanted = wantedOf(text!, parameter, parameterName);
    const { updater, release } = context.wanted;
    deps.log("wanted", { updater, manager: release?.manager ?? null });
    if (context.wanted.problem !== null) throw new NotWanted(context.wanted.problem);
  };
};

/** Fetches the secrets that the settings name, after a change and every `secretsMs`. */
export const makeSecrets = (context: Context) => {
  const { store, options, deps } = context;
  const { callMs, secretsMs } = options.limits;
  let dueMs = -Infinity;
  let last: string | null = null;
  let lastNames: string | null = null;
  return async (): Promise<void> => {
    const names = context.wanted?.release?.secrets;
    if (!names) return;
    const now = deps.clock.now();
    // A certificate must not meet the key of the one before: what is wanted waits until these can be read.
    if (lastNames !== null && JSON.stringify(names) !== lastNames) context.secrets = null;
    lastNames = JSON.stringify(names);
    const asked = JSON.stringify([names, context.wanted?.release?.config.manager]);
    if (asked === last && now < dueMs) return;
    const values = await bounded(context, callMs, "reading the secrets", (signal) =>
      store.secrets([...new Set(Object.values(names))], signal),
    );
    const entries = Object.entries(names).map(([secret, name]) => [secret, values.get(name)] as const);
    context.secrets = JSON.stringify(Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))));
    [last, dueMs] = [asked, now + secretsMs];
  };
};
