/** The component as another program sees it: `import { Runners } from "muster"`. */
import * as aws from "@pulumi/aws";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { Runners as Sealed, type Given as SealedGiven, type Outputs } from "muster";
import { beforeAll, expect, test } from "vitest";
import type { Given } from "../../infra/given.ts";
import type { AwsOutputs } from "../../infra/outputs.ts";
import { Runners } from "../../infra/stack.ts";

const made: { type: string; name: string; provider: string | undefined }[] = [];
beforeAll(() =>
  pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, provider }) => {
        made.push({ type, name, provider: provider?.split("::").at(-2) });
        return { id: `${name}-id`, state: inputs };
      },
      call: () => ({}),
    },
    "acme-platform",
    "prod",
    true,
  ),
);

const given: Given = {
  settings: { aws: { region: "eu-central-1" }, github: { url: "https://github.com/acme" } },
  secrets: { githubToken: "planted" },
};

test("the types that are handed out are those of the sources", () => {
  // Compiled, not run: each can stand for the other.
  const outputs = (one: AwsOutputs): Outputs => one;
  const back = (one: Outputs): AwsOutputs => one;
  const inputs = (one: Given): SealedGiven => one;
  const inputsBack = (one: SealedGiven): Given => one;
  expect([outputs, back, inputs, inputsBack]).toHaveLength(4);
});

test("the package's name leads to the component", () => {
  expect(Sealed).toBe(Runners);
});

test("a provider for AWS is refused, since a destroy would not have its credentials", async () => {
  const provider = new aws.Provider("acme", { region: "eu-central-1" });
  for (const opts of [{ provider }, { providers: [provider] }, { providers: { aws: provider } }])
    await expect(Runners.create("ci", given, opts)).rejects.toThrow(
      /Runners ci: providers for AWS are not taken.*AWS_PROFILE/s,
    );
});

test("the parent's provider for commands is taken, in place of one of its own", async () => {
  const own = new command.Provider("acme-command");
  const parent = new pulumi.ComponentResource("acme:index:Platform", "platform", {}, { providers: [own] });
  await Runners.create("ci", given, { parent });
  await pulumi.runtime.disconnect();
  const commands = made.filter(({ type }) => type === "command:local:Command");
  expect(commands.map(({ provider }) => provider)).toEqual(["acme-command", "acme-command", "acme-command"]);
  expect(made.map(({ name }) => name)).not.toContain("ci-command");
});
