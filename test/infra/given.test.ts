import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { costOf } from "../../infra/cost.ts";
import { SettingsError } from "../../infra/errors.ts";
import { inputsOf, type Given } from "../../infra/given.ts";
import { refuseTwin } from "../../infra/twins.ts";

await pulumi.runtime.setMocks(
  { newResource: ({ name, inputs }) => ({ id: name, state: inputs }), call: () => ({}) },
  "acme-platform",
  "prod",
);

const given = (over: Partial<Given> = {}): Given => ({
  settings: { aws: { region: "eu-central-1" }, github: { url: "https://github.com/acme" } },
  secrets: { githubToken: "planted" },
  ...over,
});
const network = (...zones: string[]) => ({
  vpcId: pulumi.output("vpc-1"),
  subnets: zones.map((zone) => ({ id: pulumi.output(`subnet of ${zone}`), zone })),
});
const wrong = (name: string, one: Given): string[] => {
  try {
    inputsOf(name, one);
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.wrong.map(({ path, given, allowed }) => `${path} ${given}: ${allowed}`);
  }
};

test("a stack of another program is called after program, stack and component, so that two are told apart", () => {
  const [ci, heavy] = ["ci", "heavy"].map((name) => inputsOf(name, given()));
  expect(ci!.stack).toEqual({ project: "acme-platform", name: "prod-ci" });
  expect([ci!, heavy!].map(({ settings }) => settings.aws!.namePrefix)).toEqual([
    "muster-prod-ci",
    "muster-prod-heavy",
  ]);
});

test("the manager is on AWS without saying so, and a secret stays one", async () => {
  const { settings, secrets } = inputsOf("ci", given());
  expect(settings.manager.on).toBe("aws");
  expect(await pulumi.isSecret(secrets.githubToken!)).toBe(true);
});

test("ids of the network may be known later: they are handed on as they are", () => {
  const made = network("eu-central-1a", "eu-central-1b");
  const { settings } = inputsOf("ci", given({ network: made }));
  expect(settings.aws!.network).toEqual({ kind: "existing", ...made, public: false, securityGroupIds: [] });
});

test("subnets may be public: the manager's address is then counted", () => {
  const [open, closed] = [true, false].map((ways) =>
    inputsOf("ci", given({ network: { ...network("eu-central-1a"), public: ways } })),
  );
  expect(open!.settings.aws!.network).toMatchObject({ kind: "existing", public: true });
  const idle = ({ settings }: ReturnType<typeof inputsOf>) => costOf(settings)!.idle / 1e6;
  expect(idle(open!) - idle(closed!)).toBeCloseTo(0.005, 6);
});

const base = given().settings;
const cases: [string, Given, RegExp][] = [
  [
    "a zone of another region",
    given({ network: network("eu-west-1a") }),
    /^network\.subnets\[0\]\.zone "eu-west-1a": allowed is a zone of eu-central-1/,
  ],
  [
    "a network that is public in words",
    given({ network: { ...network("eu-central-1a"), public: "yes" as unknown as boolean } }),
    /^network\.public null: /,
  ],
  ["no subnet", given({ network: network() }), /^network\.subnets \[\]: allowed is at least one/],
  [
    "a network twice",
    given({ settings: { ...base, network: {} }, network: network("eu-central-1a") }),
    /^settings\.network null: given twice/,
  ],
  [
    "a network in one region for pools in two",
    given({
      settings: { ...base, pools: { a: { backends: [{ aws: {} }, { aws: { region: "us-east-1" } }] } } },
      network: network("eu-central-1a"),
    }),
    /^network\.vpcId null: an existing VPC is in one region/,
  ],
  [
    "a manager on this computer",
    given({ settings: { ...base, manager: { on: "local" } } }),
    /^settings\.manager\.on "local": .*belongs to the checkout/,
  ],
  ["a manager somewhere", given({ settings: { ...base, manager: "aws" } }), /^settings\.manager "aws": /],
  [
    "no url",
    given({ settings: { aws: { region: "eu-central-1" } } }),
    /^settings\.github\.url null: missing; settings\.github\.url = https:\/\/github\.com\/OWNER\/REPOSITORY$/,
  ],
  [
    "no region",
    given({ settings: { github: base.github } }),
    /^settings\.aws\.region null: missing; settings\.aws\.region = eu-central-1$/,
  ],
  [
    "no login",
    given({ secrets: {} }),
    /^settings\.githubToken null: missing; give it as secrets\.githubToken$/,
  ],
  [
    "a login too many",
    given({ secrets: { githubToken: "a", githubAppKey: "b" } }),
    /^settings\.githubAppKey null: not used, .*; leave out githubAppKey$/,
  ],
  [
    "a token in clear",
    given({ settings: { ...base, githubToken: "a" } as Given["settings"], secrets: {} }),
    /^settings\.githubToken null: stored in clear; .*give it as secrets\.githubToken$/,
  ],
  [
    "a typing mistake",
    given({ settings: { ...base, pools: { a: { maxx: 3 } } } }),
    /^settings\.pools\.a\.maxx null: not a setting; did you mean max/,
  ],
];
test.each(cases)("%s is refused in the words of a program", (_, one, message) => {
  const said = wrong("ci", one);
  expect(said).toEqual(expect.arrayContaining([expect.stringMatching(message)]));
  expect(said.join("\n")).not.toMatch(/pulumi config|muster:|-s prod/);
});

test("a name that could not stand at AWS is refused", () => {
  expect(wrong("C I", given())).toEqual([expect.stringContaining('name "C I": a component\'s name has')]);
});

test("two that AWS could not tell apart are refused, in one run of a program and not in the next", () => {
  const run = {};
  refuseTwin("a", ["acme/prod-a", "muster-x"], run);
  expect(() => refuseTwin("b", ["acme/prod-b", "muster-x"], run)).toThrow(
    /Runners b and Runners a .* both muster-x at AWS.*namePrefix/,
  );
  refuseTwin("c", ["acme/prod-c", "muster-c"], run);
  refuseTwin("a", ["acme/prod-a", "muster-x"], {});
});
