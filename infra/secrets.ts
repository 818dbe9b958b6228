/**
 * Secrets are flat keys, always stored with `--secret`. A secure value inside an object would make names and counts
 * secret Outputs, and one in clear would lie readable in the stack's file.
 */
import type { Wrong } from "./errors.ts";
import { secretNames, type SecretName } from "./schema.ts";
import type { SettingsInput } from "./settings.ts";

const isSecretName = (key: string): key is SecretName => (secretNames as readonly string[]).includes(key);

/**
 * @param needed the secret that the way of logging in needs; null when that is not known
 * @param parameters secrets that the manager reads of an SSM parameter instead
 */
export const checkSecrets = (
  input: SettingsInput,
  needed: SecretName | null,
  parameters: Readonly<Partial<Record<SecretName, string>>> = {},
): Wrong[] => {
  const { secretKeys, values, stack } = input;
  const line = (name: SecretName) => `pulumi config set --secret muster:${name} -s ${stack}`;
  const wrong: Wrong[] = [];
  const complain = (key: string, allowed: string) =>
    wrong.push({ path: `muster:${key}`, given: null, allowed });
  for (const name of secretNames) {
    const parameter = parameters[name];
    if (parameter !== undefined && needed !== null && name !== needed)
      complain(
        `manager.secretParameters.${name}`,
        `not used, since the manager logs in with ${needed}; leave it out`,
      );
    const inClear = name in values && !secretKeys.has(name);
    if (inClear)
      complain(name, `stored in clear; store it encrypted (and change it where it was made): ${line(name)}`);
    else if (parameter !== undefined && secretKeys.has(name))
      complain(
        name,
        `given twice, here and as the SSM parameter ${parameter}; pulumi config rm muster:${name} -s ${stack}, ` +
          `or leave out manager.secretParameters.${name}`,
      );
    else if (name === needed && parameter === undefined && !secretKeys.has(name))
      complain(name, `missing; ${line(name)} (or: npm run muster -- setup -s ${stack})`);
    else if (needed !== null && name !== needed && secretKeys.has(name))
      complain(
        name,
        `not used, since the manager logs in with ${needed}; pulumi config rm muster:${name} -s ${stack}`,
      );
  }
  for (const key of secretKeys)
    if (!isSecretName(key))
      complain(
        key,
        `holds a secure value, but secrets have flat keys of their own; pulumi config rm muster:${key} -s ${stack}, ` +
          `set the plain settings again, and the secret with: ${line(needed ?? "githubToken")}`,
      );
  return wrong;
};
