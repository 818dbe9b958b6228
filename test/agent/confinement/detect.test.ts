import { describe, expect, it } from "vitest";
import { detectConfinement, type DetectDeps } from "../../../agent/confinement/detect.ts";

const deps = (wanted: Partial<DetectDeps> & { fails?: string[] }): DetectDeps => ({
  uid: 1000,
  attempt: (kind) => Promise.resolve(wanted.fails?.includes(kind) ? `${kind} failed` : null),
  policy: () => null,
  inContainer: () => false,
  ...wanted,
});

describe("the confinement of this computer", () => {
  it("is a uid of its own for root, and nothing less: a namespace of root reads what root reads", async () => {
    expect(await detectConfinement(deps({ uid: 0 }))).toEqual({ kind: "own-uid", refused: [] });
    const found = await detectConfinement(deps({ uid: 0, fails: ["own-uid"] }));
    expect(found.kind).toBe("none");
    expect(found.refused).toEqual([expect.stringContaining("own-uid failed")]);
  });

  it("is a user namespace for others, with the reason why not more", async () => {
    const found = await detectConfinement(deps({}));
    expect(found.kind).toBe("user-namespace");
    expect(found.refused).toEqual([expect.stringContaining("is not root")]);
  });

  it("is none where both fail, with both reasons and the cure that fits", async () => {
    const fails = ["user-namespace"];
    const plain = await detectConfinement(deps({ fails }));
    expect(plain.kind).toBe("none");
    expect(plain.refused[1]).toMatch(/user-namespace failed.*run as root/);
    const policy = () => "AppArmor restricts them";
    const restricted = await detectConfinement(deps({ fails, policy }));
    expect(restricted.refused[1]).toMatch(/AppArmor restricts them.*sysctl/);
    const container = await detectConfinement(deps({ fails, inContainer: () => true }));
    expect(container.refused[1]).toMatch(/docker run --privileged/);
  });
});
