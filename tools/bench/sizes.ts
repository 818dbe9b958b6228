/** What grows unseen: bytes of user data, and what a newcomer has to write. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { managerUserData } from "../../cloud-init/manager.ts";
import { runnerUserData } from "../../cloud-init/runner.ts";
import { pinnedNode } from "../../infra/aws/node.ts";

const root = join(import.meta.dirname, "../..");

/** Bytes before base64, without proxy and certificates of an organisation, and with one certificate of the stack's CA. */
export const userDataBytes = async (): Promise<{ runner: number; manager: number }> => {
  const ca = `-----BEGIN CERTIFICATE-----\n${`${"A".repeat(64)}\n`.repeat(10)}-----END CERTIFICATE-----\n`;
  const runner = runnerUserData({
    managers: ["https://10.64.16.10:7443"],
    ca,
    pool: "arm64",
    end: "power-off",
  });
  const { url, integrity } = await pinnedNode(root);
  const manager = managerUserData({
    stack: { project: "muster", name: "dev" },
    region: "eu-central-1",
    bucket: "muster-dev-manager-20260101000000000000000001",
    parameterPrefix: "/muster-dev",
    logGroup: "muster-dev-manager",
    volume: "vol-0123456789abcdef0",
    node: { url, integrity, key: null },
    proxy: null,
    extraCa: null,
  });
  return { runner: Buffer.byteLength(runner), manager: Buffer.byteLength(manager) };
};

/** Variables of terraform-aws-github-runner, the most widely used module for this, in its main module. */
export const moduleVariables = 142;

/** Places of Pulumi.dev.yaml that a team must write before `up`; each is marked EDIT. */
export const settingsToWrite = (): number =>
  (readFileSync(join(root, "Pulumi.dev.yaml"), "utf8").match(/\bEDIT\b/g) ?? []).length;
