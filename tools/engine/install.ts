/**
 * `node tools/engine/install.ts DIRECTORY`: the official download of the engine version that belongs to the SDK.
 * A program of its own, because PulumiCommand.install knows no time limit: whoever runs it kills the whole group.
 */
import { PulumiCommand } from "@pulumi/pulumi/automation/index.js";

const [root] = process.argv.slice(2);
if (!root) throw new Error("usage: node tools/engine/install.ts DIRECTORY");
await PulumiCommand.install({ root });
