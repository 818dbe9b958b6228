/** Judges a call by an IAM policy as AWS does, for the operators that our policies use; others are refused. */
import type { PolicyDocument, Statement } from "../../../infra/aws/policy/statement.ts";

export interface IamCall {
  action: string;
  /** Every resource that the call touches; each must be allowed. */
  resources: readonly string[];
  /** Condition keys of the call; what is not here is absent. */
  context?: Readonly<Record<string, string>>;
  /** Condition keys of one resource, such as its tags. */
  of?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const matches = (pattern: string, value: string, ignoreCase = false): boolean => {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, ignoreCase ? "is" : "s").test(value);
};

/** ARNs match part by part: a `*` in one does not reach into the next. */
const arnMatches = (pattern: string, arn: string): boolean => {
  if (pattern === "*") return true;
  const parts = (text: string) => {
    const fields = text.split(":");
    return [...fields.slice(0, 5), fields.slice(5).join(":")];
  };
  const [expected, given] = [parts(pattern), parts(arn)];
  return expected.every((part, index) => matches(part, given[index] ?? ""));
};

type Test = (allowed: string, given: string) => boolean;
const operators: Record<string, { test: Test; negated?: boolean }> = {
  StringEquals: { test: (allowed, given) => allowed === given },
  StringNotEquals: { test: (allowed, given) => allowed === given, negated: true },
  StringLike: { test: matches },
  ArnEquals: { test: arnMatches },
  ArnLike: { test: arnMatches },
  Bool: { test: (allowed, given) => allowed === given },
};

const holds = (condition: Statement["Condition"], context: Readonly<Record<string, string>>): boolean =>
  Object.entries(condition ?? {}).every(([name, keys]) => {
    const operator = operators[name];
    if (!operator)
      throw new Error(`the operator ${name} is not known here: teach it to test/infra/aws/iam.ts`);
    return Object.entries(keys).every(([key, values]) => {
      const given = context[key];
      // An absent key fails what is asked of it, and passes what is only forbidden.
      if (given === undefined) return operator.negated === true;
      const some = [values].flat().some((allowed) => operator.test(allowed, given));
      return some !== (operator.negated === true);
    });
  });

/** Whether the policy allows the whole call. Our policies have no Deny: what is not allowed is denied. */
export const allows = (policy: PolicyDocument, { action, resources, context, of }: IamCall): boolean =>
  resources.every((resource) =>
    policy.Statement.some(
      ({ Action, Resource, Condition }) =>
        Action.some((pattern) => matches(pattern, action, true)) &&
        Resource.some((pattern) => arnMatches(pattern, resource)) &&
        holds(Condition, { ...context, ...of?.[resource] }),
    ),
  );
