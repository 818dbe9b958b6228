import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse as parseYaml } from "yaml";
import { parseSettings } from "../../infra/settings.ts";

const root = join(import.meta.dirname, "../..");
const text = (stack: string) => readFileSync(join(root, `Pulumi.${stack}.yaml`), "utf8");
const settings = (stack: string) => {
  const { config } = parseYaml(text(stack)) as { config: Record<string, unknown> };
  return parseSettings({
    stack,
    values: Object.fromEntries(
      Object.entries(config).map(([key, value]) => [key.replace(/^muster:/, ""), value]),
    ),
    // What the third edit brings.
    secretKeys: new Set(["githubToken"]),
    arch: "X64",
    places: { root, home: "/home/me" },
    confinement: { kind: "none", refused: [] },
  });
};

test.each(["dev", "prod"])(
  "%s parses as it stands, once its credentials are set, and warns of nothing",
  (stack) => {
    expect(settings(stack).warnings).toEqual([]);
  },
);

test.each(["dev", "prod"])("%s is edited in three places and carries no salt and no secret", (stack) => {
  expect(text(stack).match(/EDIT \d/g)).toEqual(["EDIT 1", "EDIT 2", "EDIT 3"]);
  expect(text(stack)).not.toMatch(/encryptionsalt|secure:|secretsprovider/);
  expect(text(stack)).toMatch(/^# yaml-language-server: \$schema=\.\/schema\/settings\.json$/m);
});

test("dev is cheap: one nano, public subnets, spot alone, no alarms, and jobs of prod do not land there", () => {
  const { manager, aws, pools, budget } = settings("dev");
  expect(manager).toMatchObject({ on: "aws", reach: "private", type: { name: "t4g.nano" } });
  expect(aws).toMatchObject({
    network: { kind: "own", private: false },
    alarmsTo: [],
    namePrefix: "muster-dev",
  });
  expect(Object.keys(pools)).toEqual(["arm64"]);
  expect(pools.arm64!.labels).toEqual(["self-hosted", "linux", "dev"]);
  expect(pools.arm64!.backends).toMatchObject([{ market: "spot", arch: "arm64", diskGb: 100, gpu: false }]);
  expect(budget).not.toBeNull();
});

test("prod has private subnets in three zones, alarms, a budget, and on demand as each pool's last offer", () => {
  const { aws, pools, budget } = settings("prod");
  expect(aws!.network).toEqual({ kind: "own", private: true });
  expect(aws!.regions).toHaveLength(1);
  expect(aws!.regions[0].zones).toHaveLength(3);
  expect(aws!.alarmsTo).toHaveLength(1);
  expect(budget).not.toBeNull();
  const kinds = Object.entries(pools).map(([name, { backends, gpu }]) => [
    name,
    backends.map((one) => (one.kind === "aws" ? `${one.arch} ${one.market}` : one.kind)),
    gpu,
  ]);
  expect(kinds).toEqual([
    ["arm64", ["arm64 spot", "arm64 on-demand"], null],
    ["large", ["arm64 spot", "arm64 on-demand"], null],
    ["x64", ["x64 spot", "x64 on-demand"], null],
    ["gpu-arm64", ["arm64 spot", "arm64 on-demand"], "nvidia"],
    ["gpu-x64", ["x64 spot", "x64 on-demand"], "nvidia"],
  ]);
});
