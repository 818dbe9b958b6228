import fc from "fast-check";
import { expect, test } from "vitest";
import { subnetCidr, zoneSuffix } from "../../../infra/aws/subnets.ts";

const start = (cidr: string) => {
  const [a, b, c] = cidr.split(".").map(Number);
  return (a! * 256 + b!) * 256 + c!;
};

test("a zone's subnet depends on nothing but its letter", () => {
  expect(subnetCidr("10.64.0.0/16", "eu-central-1a", "private")).toBe("10.64.0.0/20");
  expect(subnetCidr("10.64.0.0/16", "eu-central-1a", "public")).toBe("10.64.16.0/20");
  expect(subnetCidr("10.65.0.0/16", "us-east-1f", "public")).toBe("10.65.176.0/20");
});

test("no two subnets of a region overlap, and all lie in its network", () => {
  const subnet = fc.record({
    letter: fc.constantFrom(..."abcdefgh"),
    kind: fc.constantFrom("private" as const, "public" as const),
  });
  fc.assert(
    fc.property(subnet, subnet, (one, two) => {
      fc.pre(one.letter !== two.letter || one.kind !== two.kind);
      const [first, second] = [one, two].map(({ letter, kind }) =>
        start(subnetCidr("10.64.0.0/16", `eu-central-1${letter}`, kind)),
      );
      // A /20 has 16 /24s.
      expect(Math.abs(first! - second!)).toBeGreaterThanOrEqual(16);
      expect(first! >> 8).toBe(10 * 256 + 64);
    }),
  );
});

test("another network or zone is refused with what is allowed", () => {
  expect(() => subnetCidr("10.64.0.0/20", "eu-central-1a", "public")).toThrow("allowed are zones a to h");
  expect(() => subnetCidr("10.64.0.0/16", "eu-central-1z", "public")).toThrow(
    "eu-central-1z in 10.64.0.0/16",
  );
});

test("a zone is named within its region", () => {
  expect(zoneSuffix("eu-central-1", "eu-central-1a")).toBe("a");
});
