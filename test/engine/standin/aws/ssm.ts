/** ssm Parameter. Its value is secret in state, unless the program gave it as `insecureValue`. */
import {
  AddTagsToResourceCommand,
  DeleteParameterCommand,
  GetParameterCommand,
  PutParameterCommand,
  RemoveTagsFromResourceCommand,
  type SSMClient,
} from "@aws-sdk/client-ssm";
import {
  given,
  orNull,
  regionOf,
  tagChanges,
  tagList,
  text,
  unlessGone,
  type Call,
  type Cloud,
  type CloudKinds,
} from "./cloud.ts";

const values = ["value", "insecureValue"];

const put = async (ssm: SSMClient, call: Call, overwrite: boolean) => {
  const Tags = tagList(call.inputs["tags"]);
  await ssm.send(
    new PutParameterCommand({
      Name: text(call, "name")!,
      Value: (text(call, "value") ?? text(call, "insecureValue"))!,
      Type: text(call, "type") as "String",
      // The API refuses tags beside an overwrite.
      ...(overwrite ? { Overwrite: true } : { Tags }),
      ...given({
        Description: text(call, "description"),
        KeyId: text(call, "keyId"),
        Tier: text(call, "tier") as "Standard" | undefined,
        AllowedPattern: text(call, "allowedPattern"),
      }),
    }),
  );
};

export const ssmKinds = (cloud: Cloud): CloudKinds => {
  const ssmOf = (call: Call) => cloud.clients("ssm", regionOf(cloud, call));
  return {
    "aws:ssm/parameter:Parameter": {
      autoName: "name",
      replace: ["name", "dataType"],
      answers: ["arn", "version", "value"],
      secret: ["value"],
      volatile: (changed) =>
        changed.some((key) => values.includes(key))
          ? ["version", "value"]
          : changed.length > 0
            ? ["version"]
            : [],
      check: (inputs) =>
        values.filter((key) => inputs[key] != null).length === 1
          ? []
          : [{ property: "value", reason: "exactly one of value, insecureValue must be given" }],
      create: async (call) => {
        await put(await ssmOf(call), call, false);
        return text(call, "name")!;
      },
      read: async (call) => {
        const ssm = await ssmOf(call);
        const ask = new GetParameterCommand({ Name: call.id, WithDecryption: true });
        const found = (await orNull(() => ssm.send(ask)))?.Parameter;
        return found ? { arn: found.ARN, version: found.Version, value: found.Value } : null;
      },
      update: async (call) => {
        const ssm = await ssmOf(call);
        await put(ssm, call, true);
        const { set, unset } = tagChanges(call);
        const resource = { ResourceType: "Parameter" as const, ResourceId: call.id };
        if (set.length > 0) await ssm.send(new AddTagsToResourceCommand({ ...resource, Tags: set }));
        if (unset.length > 0)
          await ssm.send(new RemoveTagsFromResourceCommand({ ...resource, TagKeys: unset }));
      },
      delete: async (call) => {
        const ssm = await ssmOf(call);
        await unlessGone(() => ssm.send(new DeleteParameterCommand({ Name: call.id })));
      },
    },
  };
};
