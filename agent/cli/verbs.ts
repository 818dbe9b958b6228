/** Every verb, loaded when it is named: Pulumi's commands shall not wait for what others need. */
import { defineCommand, type CommandDef } from "citty";
import { localCommand } from "./local/command.ts";

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- citty's own name for a command with any arguments
export type Command = CommandDef<any>;

const people = () => import("./verbs/commands.ts");

export const main = defineCommand({
  meta: { name: "muster", description: "self-hosted GitHub Actions runners" },
  subCommands: {
    setup: () => import("./setup/command.ts").then(({ setupCommand }) => setupCommand),
    doctor: () => import("./doctor/command.ts").then(({ doctorCommand }) => doctorCommand),
    status: () => people().then(({ statusCommand }) => statusCommand),
    jobs: () => people().then(({ jobsCommand }) => jobsCommand),
    drain: () => people().then(({ drainCommand }) => drainCommand),
    sweep: () => people().then(({ sweepCommand }) => sweepCommand),
    local: localCommand,
  },
});
