/**
 * The manager on this computer: two Commands. `secrets` has the credentials on its standard input and is the only one
 * that sees them; its delete sweeps, which needs them too (a delete gets the input that the state holds). `manager`
 * has the settings on its standard input and no secret. It depends on `secrets`, so `destroy` first stops it, which
 * lets running jobs finish, and then sweeps what is left.
 */
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { ManagerConfig } from "../../agent/manager-config.ts";

export interface ManagerArgs {
  config: ManagerConfig;
  /** True: the CLI's own default folder, which the commands then leave out, so that the checkout may be moved. */
  defaultDirectory: boolean;
  /** ManagerSecrets; only those that are set. */
  secrets: Readonly<Record<string, pulumi.Input<string>>>;
}

const shellWord = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

export class Manager extends pulumi.ComponentResource {
  constructor(name: string, args: ManagerArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:local:Manager", name, {}, opts);
    const { config } = args;
    const { directory, port, socket } = config.manager;
    const folder = args.defaultDirectory ? "" : ` --directory ${shellWord(directory)}`;
    // Pulumi runs commands in the folder of the program's entry file, infra/.
    const muster = (verb: string) => `node ../agent/cli/main.ts local ${verb}${folder}`;

    const secrets = new local.Command(
      `${name}-secrets`,
      {
        create: muster(`secrets --stack ${shellWord(`${config.stack.project}/${config.stack.name}`)}`),
        delete: muster("sweep --stdin"),
        stdin: pulumi.secret(pulumi.jsonStringify(args.secrets)),
        triggers: [directory],
      },
      { parent: this, deleteBeforeReplace: true },
    );
    new local.Command(
      `${name}-manager`,
      {
        create: muster("start --stdin"),
        // Where only this command is replaced, the next manager finds the secrets; in a destroy the sweep removes them.
        delete: muster("stop --keep-secrets"),
        stdin: JSON.stringify(config),
        // Where it is found: agents would look for it at the old place, so it drains and goes before the new one comes.
        triggers: [directory, port, socket],
      },
      { parent: this, dependsOn: secrets, deleteBeforeReplace: true },
    );
    this.registerOutputs();
  }
}
