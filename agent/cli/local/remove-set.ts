/** `muster local remove-set`: a scale set whose stack is gone, by the login of the manager that runs here. */
import * as z from "zod";
import { control } from "../../supervisor/control.ts";
import { folder } from "../../supervisor/folder.ts";
import { CliError } from "../errors.ts";
import { readSettings } from "./settings.ts";

/** Several calls to GitHub, each with its own time limit. */
const limitMs = 70_000;
const removed = z.object({ id: z.number(), name: z.string() });
const refused = z.object({ message: z.string() });

/** @returns the sentence for people. @throws CliError when it was not removed, with the reason */
export const removeSet = async (directory: string, set: string): Promise<string> => {
  const config = await readSettings(folder(directory));
  if (!config) throw new CliError(`${directory} has no settings: no manager runs there.`);
  const up = `"npm run pulumi -- up -s ${config.stack.name}" starts it`;
  const answer = await control(
    config.manager.socket,
    "/control/remove-set",
    JSON.stringify({ set }),
    limitMs,
  ).catch((error: unknown) => {
    throw new CliError(`The manager of ${directory} does not answer (${(error as Error).message}); ${up}.`);
  });
  const body: unknown = JSON.parse(answer.body);
  if (answer.status !== 200)
    throw new CliError(
      `Nothing was removed: ${refused.safeParse(body).data?.message ?? `answer ${answer.status}`}.`,
    );
  const { id, name } = removed.parse(body);
  return `The scale set ${name} (${id}) is removed.`;
};
