import { expect, it } from "vitest";
import { checkUserData } from "../../../infra/aws/user-data.ts";

const certificate = `-----BEGIN CERTIFICATE-----\n${`${"A".repeat(64)}\n`.repeat(16)}-----END CERTIFICATE-----\n`;
const refused = (given: Partial<Parameters<typeof checkUserData>[0]>) => {
  const said: string[] = [];
  const refuse = (path: readonly PropertyKey[], _given: unknown, allowed: string) =>
    void said.push(`${path.join(".")}: ${allowed}`);
  checkUserData({ proxy: null, extraCa: null, namePrefix: "muster-dev", ...given }, { refuse });
  return said;
};

it("a proxy and some certificates of the organisation fit into user data", () => {
  const proxy = { url: "http://proxy.acme.example:3128", noProxy: [".acme.example", "10.0.0.0/8"] };
  expect(refused({ proxy, extraCa: certificate.repeat(2) })).toEqual([]);
});

it("what does not fit is refused before anything is made, under the setting that takes the room", () => {
  expect(refused({ extraCa: certificate.repeat(8) })).toEqual([
    expect.stringMatching(/^aws\.extraCa: .* more than the 16384 .*fewer certificates/),
  ]);
  const proxy = {
    url: "http://proxy.acme.example:3128",
    noProxy: Array<string>(300).fill(".some.host.example"),
  };
  expect(refused({ proxy: { ...proxy, noProxy: proxy.noProxy.map((host, n) => `${n}${host}`) } })).toEqual([
    expect.stringMatching(/^aws\.noProxy: .*shorter hosts/),
  ]);
});

it("what would leave its quotes in a script is refused, too", () => {
  const proxy = { url: "http://proxy.acme.example:3128", noProxy: ["a'; reboot; '"] };
  expect(refused({ proxy })).toEqual([expect.stringMatching(/^aws\.noProxy: .* has a quote/)]);
});
