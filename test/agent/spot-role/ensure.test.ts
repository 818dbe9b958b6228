import { expect, test } from "vitest";
import { ensureSpotRole, type SpotRoleDeps } from "../../../agent/spot-role/ensure.ts";

type Made = Awaited<ReturnType<SpotRoleDeps["make"]>>;

/** @param makes what AWS answers when the role is to be made; null: nobody may ask for it */
const ensure = async (there: boolean | null, makes: Made | null) => {
  const said: string[] = [];
  await ensureSpotRole({
    isThere: () => Promise.resolve(there),
    make: () => (makes === null ? Promise.reject(new Error("asked to make it")) : Promise.resolve(makes)),
    say: (line) => void said.push(line),
  });
  return said;
};

test("a role that is there is left alone, and nothing is said", async () => {
  expect(await ensure(true, null)).toEqual([]);
});

test("a missing role is made, and told of", async () => {
  expect(await ensure(false, "made")).toEqual([
    "made AWSServiceRoleForEC2Spot, the account's role for spot machines; all stacks use it, and no destroy removes it",
  ]);
});

test("a role that somebody made meanwhile is as good", async () => {
  expect(await ensure(false, "taken")).toEqual([]);
});

test("whoever may not look may make it all the same", async () => {
  expect(await ensure(null, "taken")).toEqual([]);
  expect(await ensure(null, "made")).toHaveLength(1);
});

test("who may not make a missing role reads what is missing, which rights that takes, and the command for somebody else", async () => {
  const error = await ensure(false, "denied").catch((caught: Error) => caught.message);
  expect(error).toMatch(/^The account has no AWSServiceRoleForEC2Spot, .* may not make it\. /);
  expect(error).toContain("iam:GetRole, iam:CreateServiceLinkedRole");
  expect(error).toMatch(/: aws iam create-service-linked-role --aws-service-name spot\.amazonaws\.com$/);
});

test("who may neither look nor make is not told that the role is missing", async () => {
  await expect(ensure(null, "denied")).rejects.toThrow(/^These credentials may neither see nor make /);
});
