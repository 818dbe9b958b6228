/** Tags and waits of EC2's objects. */
import {
  CreateTagsCommand,
  DeleteTagsCommand,
  type EC2Client,
  type ResourceType,
  type TagSpecification,
} from "@aws-sdk/client-ec2";
import { tagChanges, tagList, type Call } from "./cloud.ts";

/** For calls that take tags with the object: it carries them from its first moment. */
export const tagsOf = (call: Call, type: ResourceType): { TagSpecifications: TagSpecification[] } => {
  const tags = tagList(call.inputs["tags"]);
  return { TagSpecifications: tags.length > 0 ? [{ ResourceType: type, Tags: tags }] : [] };
};

/** Makes the tags of an object what the program asks for. */
export const updateTags = async (ec2: EC2Client, call: Call): Promise<void> => {
  const { set, unset } = tagChanges(call);
  if (set.length > 0) await ec2.send(new CreateTagsCommand({ Resources: [call.id], Tags: set }));
  if (unset.length > 0)
    await ec2.send(new DeleteTagsCommand({ Resources: [call.id], Tags: unset.map((Key) => ({ Key })) }));
};
