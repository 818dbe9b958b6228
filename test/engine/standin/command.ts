/**
 * A stand-in for `command:local:Command` that really runs the commands, with the property names and the rules of
 * @pulumi/command 1.2.1: an update runs `update`, or else `create`; a delete runs the `delete` of the state; a change
 * of `triggers` replaces; the outputs are secret as soon as one input is; an interrupted engine kills what runs (the real
 * plugin's contexts end with the engine's Cancel). Assets are refused rather than ignored.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import * as z from "zod";
import type { Complaint } from "./complaints.ts";
import { faults } from "./faults.ts";
import type { Call, Provider } from "./kind.ts";
import { unknownValue, type Props } from "./values.ts";

const inputs = z.strictObject({
  create: z.string().optional(),
  update: z.string().optional(),
  delete: z.string().optional(),
  dir: z.string().optional(),
  stdin: z.string().optional(),
  environment: z.record(z.string(), z.string()).optional(),
  interpreter: z.array(z.string()).optional(),
  triggers: z.array(z.unknown()).optional(),
  addPreviousOutputInEnv: z.boolean().optional(),
  logging: z.enum(["stdout", "stderr", "stdoutAndStderr", "none"]).optional(),
  assetPaths: z.undefined({ error: "the stand-in has no assets" }).optional(),
  archivePaths: z.undefined({ error: "the stand-in has no assets" }).optional(),
});
type Inputs = z.infer<typeof inputs>;

/** Without nulls, and without what a preview does not know yet: that is right as far as it can tell. */
const known = (props: Props) =>
  Object.fromEntries(Object.entries(props).filter(([, value]) => value !== null && value !== unknownValue));

const check = (props: Props): Complaint[] => {
  const parsed = inputs.safeParse(known(props));
  return (parsed.error?.issues ?? []).map(({ path, message }) => ({
    property: path.join("."),
    reason: message,
  }));
};

const environment = (options: Inputs, olds: Props): NodeJS.ProcessEnv => {
  const env: NodeJS.ProcessEnv = { ...process.env, ...options.environment };
  if (options.addPreviousOutputInEnv === false) return env;
  if (typeof olds.stdout === "string" && olds.stdout !== "") env.PULUMI_COMMAND_STDOUT = olds.stdout;
  if (typeof olds.stderr === "string" && olds.stderr !== "") env.PULUMI_COMMAND_STDERR = olds.stderr;
  return env;
};

const children = new Set<ChildProcess>();

const shell = (command: string, options: Inputs, call: Call): Promise<Props> => {
  const [program, ...args] = options.interpreter?.length ? options.interpreter : ["/bin/sh", "-c"];
  const env = environment(options, call.olds);
  const { logging = "stdoutAndStderr" } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program!, [...args, command], { cwd: options.dir, env });
    children.add(child);
    const text = { stdout: "", stderr: "", both: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (part: string) => {
        text[stream] += part;
        text.both += part;
      });
      if (logging === stream || logging === "stdoutAndStderr")
        createInterface({ input: child[stream] }).on("line", call.log);
    }
    child.on("error", (error) => reject(new Error(`${error.message}: running "${command}"`)));
    child.on("close", (code, signal) => {
      children.delete(child);
      const trim = (part: string) => part.replace(/\n$/, "");
      if (code === 0) return resolve({ stdout: trim(text.stdout), stderr: trim(text.stderr) });
      const status = signal ? `signal ${signal}` : `exit status ${code}`;
      reject(new Error(`${status}: running "${command}":\n${trim(text.both)}`));
    });
    child.stdin.on("error", () => {
      // The command need not read its input.
    });
    child.stdin.end(options.stdin ?? "");
  });
};

const run = async (call: Call): Promise<Props | void> => {
  const options = inputs.parse(known(call.inputs));
  const line = {
    create: options.create,
    update: options.update ?? options.create,
    delete: options.delete,
    read: undefined,
  };
  const command = line[call.op];
  if (command !== undefined) return shell(command, options, call);
  if (call.op === "update") return { stdout: call.olds.stdout ?? "", stderr: call.olds.stderr ?? "" };
};

export const command: Provider = {
  fault: faults(process.env),
  cancel: () => {
    for (const child of children) child.kill("SIGKILL");
  },
  kinds: {
    "command:local:Command": {
      computed: { stdout: () => "", stderr: () => "" },
      volatile: ["stdout", "stderr"],
      replace: ["triggers"],
      secretFollowsInputs: true,
      check,
      run,
    },
  },
};
