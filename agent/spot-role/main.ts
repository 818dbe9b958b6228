/**
 * The bundled script of `up` for a stack with spot machines; its last argument is the region. Lines for people go to
 * standard error; standard output stays empty, for it is kept in Pulumi's state.
 */
import { spotRoleAtAws } from "./aws.ts";
import { ensureSpotRole } from "./ensure.ts";

const say = (line: string): void => void process.stderr.write(`muster: ${line}\n`);

ensureSpotRole({ ...spotRoleAtAws(process.argv.at(-1) ?? ""), say }).then(
  // Connections that are kept open would hold the process.
  () => process.exit(0),
  (error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    process.exit(1);
  },
);
