/** `muster doctor` of a stack that the engine brought up, as people type it. */
import {
  CreateRoleCommand,
  DeleteRoleCommand,
  GetRolePolicyCommand,
  IAMClient,
  type IAMClientConfig,
} from "@aws-sdk/client-iam";
import { join } from "node:path";
import type { Finding } from "../../../agent/cli/doctor/finding.ts";
import type { PolicyDocument } from "../../../infra/aws/policy/statement.ts";
import { run } from "../../../tools/engine/run.ts";
import { startFront } from "../../clouds/front.ts";
import { allows } from "../../infra/aws/iam.ts";
import type { AwsRig } from "./rig.ts";

export interface Doctored {
  code: number;
  stderr: string;
  findings: Finding[];
  /** `ID: FOUND` of each. */
  said: (level: Finding["level"]) => string[];
}

/** Quotas that are enough; the manager's role is judged by the policy that the program wrote, whoever asks may everything. */
export const doctorOf = async (rig: AwsRig, account: IAMClientConfig): Promise<Doctored> => {
  const front = await startFront(rig.moto.url);
  for (const code of ["L-1216C47A", "L-34B43A08"]) front.quotas.set(code, 64);
  try {
    const asked = new GetRolePolicyCommand({ RoleName: "muster-dev-manager", PolicyName: "manager" });
    const written = (await new IAMClient(account).send(asked)).PolicyDocument!;
    const policy = JSON.parse(decodeURIComponent(written)) as PolicyDocument;
    front.judge = ({ source, action, resource, context }) =>
      !source.endsWith(":role/muster-dev-manager") ||
      allows(policy, { action, resources: [resource], context });
    const { code, stdout, stderr } = await run(
      process.execPath,
      [join(rig.root, "agent/cli/main.ts"), "doctor", "-s", "dev", "--json"],
      { cwd: rig.root, env: { ...rig.env, AWS_ENDPOINT_URL: front.url } },
    );
    const findings = JSON.parse(stdout) as Finding[];
    const said: Doctored["said"] = (level) =>
      findings.filter((one) => one.level === level).map(({ id, found }) => `${id}: ${found}`);
    return { code, stderr, findings, said };
  } finally {
    await front.stop();
  }
};

/** Makes the role of EC2 Spot where the account has none. @returns what takes it away again */
export const makeSpotRole = async (account: IAMClientConfig): Promise<() => Promise<unknown>> => {
  const iam = new IAMClient(account);
  const RoleName = "AWSServiceRoleForEC2Spot";
  try {
    await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: "{}" }));
    return () => iam.send(new DeleteRoleCommand({ RoleName }));
  } catch (error) {
    if ((error as Error).name !== "EntityAlreadyExistsException") throw error;
    return () => Promise.resolve();
  }
};
