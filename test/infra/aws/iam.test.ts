import { expect, test } from "vitest";
import type { PolicyDocument, Statement } from "../../../infra/aws/policy/statement.ts";
import { allows } from "./iam.ts";

const policy = (statement: Partial<Statement>): PolicyDocument => ({
  Version: "2012-10-17",
  Statement: [{ Sid: "S", Effect: "Allow", Action: ["ec2:StopInstances"], Resource: ["*"], ...statement }],
});
const instance = "arn:aws:ec2:eu-central-1:111122223333:instance/i-1";
const stop = { action: "ec2:StopInstances", resources: [instance] };

test("actions match whatever their case, with wildcards, and no others", () => {
  expect(allows(policy({ Action: ["EC2:stop*"] }), stop)).toBe(true);
  expect(allows(policy({ Action: ["ec2:Stop"] }), stop)).toBe(false);
});

test("every resource of the call must be allowed", () => {
  const own = policy({ Resource: ["arn:aws:ec2:eu-central-1:*:instance/*"] });
  expect(allows(own, stop)).toBe(true);
  expect(allows(own, { ...stop, resources: [instance, instance.replace("central", "west")] })).toBe(false);
});

test("a wildcard in one part of an ARN does not reach into the next", () => {
  expect(allows(policy({ Resource: ["arn:aws:ec2:*:instance/i-1"] }), stop)).toBe(false);
});

test("an absent key fails what is asked of it and passes what is only forbidden", () => {
  const key = "aws:ResourceTag/a";
  expect(allows(policy({ Condition: { StringEquals: { [key]: "b" } } }), stop)).toBe(false);
  expect(allows(policy({ Condition: { StringNotEquals: { [key]: ["b", "c"] } } }), stop)).toBe(true);
  const tagged = (value: string) => ({ ...stop, of: { [instance]: { [key]: value } } });
  expect(allows(policy({ Condition: { StringNotEquals: { [key]: ["b", "c"] } } }), tagged("c"))).toBe(false);
  expect(allows(policy({ Condition: { StringEquals: { [key]: ["b", "c"] } } }), tagged("c"))).toBe(true);
});

test("an operator that nobody taught it is no permission", () => {
  expect(() => allows(policy({ Condition: { NumericEquals: { a: "1" } } }), stop)).toThrow(/NumericEquals/);
});
