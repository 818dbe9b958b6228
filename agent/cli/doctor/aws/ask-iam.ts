/** What IAM is asked: which roles there are, and what they may do. */
import {
  type ContextEntry,
  GetInstanceProfileCommand,
  GetRoleCommand,
  IAMClient,
  paginateSimulatePrincipalPolicy,
} from "@aws-sdk/client-iam";
import { type Asking, orNull } from "./asking.ts";
import type { AwsPorts, Judged } from "./ports.ts";

const kinds: Readonly<Record<string, "boolean">> = { "ec2:IsLaunchTemplateResource": "boolean" };
const entryOf = ([key, value]: [string, string]): ContextEntry => ({
  ContextKeyName: key,
  ContextKeyType: kinds[key] ?? "string",
  ContextKeyValues: [value],
});

/** @param home IAM is one for all regions of a partition, and this tells which. */
export const askIam = (
  home: string,
  { common, asked }: Asking,
): Pick<AwsPorts, "roleArn" | "profileRole" | "simulate"> => {
  const iam = new IAMClient({ region: home, ...common });
  return {
    roleArn: (RoleName) =>
      asked(`GetRole of ${RoleName}`, async (abortSignal) => {
        const found = await iam
          .send(new GetRoleCommand({ RoleName }), { abortSignal })
          .catch(orNull(/^NoSuchEntity/));
        return found?.Role?.Arn ?? null;
      }),
    profileRole: (InstanceProfileName) =>
      asked(`GetInstanceProfile of ${InstanceProfileName}`, async (abortSignal) => {
        const found = await iam
          .send(new GetInstanceProfileCommand({ InstanceProfileName }), { abortSignal })
          .catch(orNull(/^NoSuchEntity/));
        return found?.InstanceProfile?.Roles?.[0]?.Arn ?? null;
      }),
    simulate: ({ source, actions, resources, context }) =>
      asked("SimulatePrincipalPolicy", async () => {
        const pages = paginateSimulatePrincipalPolicy(
          { client: iam },
          {
            PolicySourceArn: source,
            ActionNames: [...actions],
            ResourceArns: [...resources],
            ContextEntries: Object.entries(context).map(entryOf),
          },
        );
        const judged: Judged[] = [];
        for await (const { EvaluationResults = [] } of pages)
          for (const one of EvaluationResults) {
            const of = (resource: string | undefined, decision: string | undefined, missing: string[] = []) =>
              judged.push({
                action: one.EvalActionName ?? "",
                resource: resource ?? "*",
                allowed: decision === "allowed",
                missing,
              });
            const each = one.ResourceSpecificResults ?? [];
            if (each.length === 0) of(one.EvalResourceName, one.EvalDecision, one.MissingContextValues);
            for (const { EvalResourceName, EvalResourceDecision, MissingContextValues } of each)
              of(EvalResourceName, EvalResourceDecision, MissingContextValues);
          }
        return judged;
      }),
  };
};
