/** Why tests of the backend need the stand-in: moto by itself does not keep the contract, and which parts it does not. */
import { expect, test } from "vitest";
import { contractCases, makeBench } from "../../agent/manager/backends/contract.ts";
import { withMoto } from "../with-moto.ts";
import { makeAwsRig } from "./aws-rig.ts";

const moto = withMoto();

/** How a case ends before moto alone: kept, or the assertion that fails. */
const outcome = async (part: string): Promise<string> => {
  const [one, ...more] = contractCases(true).filter(({ what }) => what.includes(part));
  expect([one?.what, more], part).toEqual([expect.any(String), []]);
  await moto().reset();
  const rig = await makeAwsRig(null);
  try {
    await one!.run(makeBench(rig));
    return "kept";
  } catch (error) {
    return (error as Error).name;
  } finally {
    await rig.close();
  }
};

test.each([
  ["makes each machine once", "AssertionError"], // the same token launches again
  ["answers in part", "AssertionError"], // there is always capacity
  ["with the reason alone", "AssertionError"],
  ["lists what it launched", "kept"],
  ["two launches are two", "kept"],
  ["destroys what another manager launched", "kept"],
  ["neither lists nor destroys what is not of this stack", "kept"],
])("moto alone: %s: %s", async (part, expected) => {
  expect(await outcome(part)).toBe(expected);
});
