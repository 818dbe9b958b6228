/** Who may do what: Role, RolePolicy, InstanceProfile, ServiceLinkedRole. */
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  CreateServiceLinkedRoleCommand,
  DeleteInstanceProfileCommand,
  DeleteRoleCommand,
  DeleteRolePermissionsBoundaryCommand,
  DeleteRolePolicyCommand,
  DeleteServiceLinkedRoleCommand,
  GetInstanceProfileCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  PutRolePermissionsBoundaryCommand,
  PutRolePolicyCommand,
  RemoveRoleFromInstanceProfileCommand,
  TagInstanceProfileCommand,
  TagRoleCommand,
  UntagInstanceProfileCommand,
  UntagRoleCommand,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
  type IAMClient,
} from "@aws-sdk/client-iam";
import {
  given,
  json,
  nameOf,
  number,
  orNull,
  tagChanges,
  tagList,
  text,
  unlessGone,
  type Call,
  type Cloud,
  type CloudKinds,
} from "./cloud.ts";

const tagRole = async (iam: IAMClient, call: Call) => {
  const { set, unset } = tagChanges(call);
  if (set.length > 0) await iam.send(new TagRoleCommand({ RoleName: call.id, Tags: set }));
  if (unset.length > 0) await iam.send(new UntagRoleCommand({ RoleName: call.id, TagKeys: unset }));
};

const tagProfile = async (iam: IAMClient, call: Call) => {
  const { set, unset } = tagChanges(call);
  const InstanceProfileName = call.id;
  if (set.length > 0) await iam.send(new TagInstanceProfileCommand({ InstanceProfileName, Tags: set }));
  if (unset.length > 0)
    await iam.send(new UntagInstanceProfileCommand({ InstanceProfileName, TagKeys: unset }));
};

const roleOf = async (iam: IAMClient, RoleName: string) =>
  (await orNull(() => iam.send(new GetRoleCommand({ RoleName }))))?.Role;

export const iamKinds = (cloud: Cloud): CloudKinds => {
  const iamOf = () => cloud.clients("iam", cloud.region);
  const putPolicy = async (call: Call) => {
    const [role, name] = [text(call, "role")!, text(call, "name")!];
    const PolicyDocument = text(call, "policy")!;
    await (
      await iamOf()
    ).send(new PutRolePolicyCommand({ RoleName: role, PolicyName: name, PolicyDocument }));
    return `${role}:${name}`;
  };
  return {
    "aws:iam/role:Role": {
      autoName: "name",
      replace: ["name", "namePrefix", "path"],
      answers: ["arn", "name", "uniqueId", "createDate"],
      normal: { assumeRolePolicy: json },
      create: async (call) => {
        const name = nameOf(call);
        const iam = await iamOf();
        await iam.send(
          new CreateRoleCommand({
            RoleName: name,
            AssumeRolePolicyDocument: text(call, "assumeRolePolicy")!,
            Tags: tagList(call.inputs["tags"]),
            ...given({
              Description: text(call, "description"),
              Path: text(call, "path"),
              PermissionsBoundary: text(call, "permissionsBoundary"),
              MaxSessionDuration: number(call, "maxSessionDuration"),
            }),
          }),
        );
        return name;
      },
      read: async (call) => {
        const role = await roleOf(await iamOf(), call.id);
        if (!role) return null;
        return {
          arn: role.Arn,
          name: role.RoleName,
          uniqueId: role.RoleId,
          createDate: role.CreateDate?.toISOString(),
        };
      },
      update: async (call) => {
        const [iam, RoleName] = [await iamOf(), call.id];
        const PolicyDocument = text(call, "assumeRolePolicy")!;
        await iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument }));
        const boundary = text(call, "permissionsBoundary");
        if (boundary)
          await iam.send(new PutRolePermissionsBoundaryCommand({ RoleName, PermissionsBoundary: boundary }));
        else if (call.olds["permissionsBoundary"])
          await iam.send(new DeleteRolePermissionsBoundaryCommand({ RoleName }));
        await iam.send(new UpdateRoleCommand({ RoleName, Description: text(call, "description") ?? "" }));
        await tagRole(iam, call);
      },
      delete: async (call) => {
        const iam = await iamOf();
        await unlessGone(() => iam.send(new DeleteRoleCommand({ RoleName: call.id })));
      },
    },

    "aws:iam/rolePolicy:RolePolicy": {
      autoName: "name",
      replace: ["name", "namePrefix", "role"],
      answers: [],
      normal: { policy: json },
      create: putPolicy,
      update: putPolicy,
      read: async (call) => {
        const [RoleName, PolicyName] = call.id.split(":") as [string, string];
        const iam = await iamOf();
        return (await orNull(() => iam.send(new GetRolePolicyCommand({ RoleName, PolicyName })))) ? {} : null;
      },
      delete: async (call) => {
        const [RoleName, PolicyName] = call.id.split(":") as [string, string];
        const iam = await iamOf();
        await unlessGone(() => iam.send(new DeleteRolePolicyCommand({ RoleName, PolicyName })));
      },
    },

    "aws:iam/instanceProfile:InstanceProfile": {
      autoName: "name",
      replace: ["name", "namePrefix", "path"],
      answers: ["arn", "name", "uniqueId", "createDate"],
      create: async (call) => {
        const [iam, InstanceProfileName] = [await iamOf(), nameOf(call)];
        await iam.send(
          new CreateInstanceProfileCommand({
            InstanceProfileName,
            Tags: tagList(call.inputs["tags"]),
            ...given({ Path: text(call, "path") }),
          }),
        );
        const RoleName = text(call, "role");
        if (RoleName) await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName }));
        return InstanceProfileName;
      },
      read: async (call) => {
        const iam = await iamOf();
        const ask = new GetInstanceProfileCommand({ InstanceProfileName: call.id });
        const found = (await orNull(() => iam.send(ask)))?.InstanceProfile;
        if (!found) return null;
        return {
          arn: found.Arn,
          name: found.InstanceProfileName,
          uniqueId: found.InstanceProfileId,
          createDate: found.CreateDate?.toISOString(),
        };
      },
      update: async (call) => {
        const [iam, InstanceProfileName] = [await iamOf(), call.id];
        const [was, is] = [call.olds["role"] as string | undefined, text(call, "role")];
        if (was && was !== is)
          await iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName: was }));
        if (is && was !== is)
          await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName: is }));
        await tagProfile(iam, call);
      },
      delete: async (call) => {
        const [iam, InstanceProfileName] = [await iamOf(), call.id];
        const RoleName = call.olds["role"] as string | undefined;
        if (RoleName)
          await unlessGone(() =>
            iam.send(new RemoveRoleFromInstanceProfileCommand({ InstanceProfileName, RoleName })),
          );
        await unlessGone(() => iam.send(new DeleteInstanceProfileCommand({ InstanceProfileName })));
      },
    },

    "aws:iam/serviceLinkedRole:ServiceLinkedRole": {
      replace: ["awsServiceName", "customSuffix"],
      answers: ["arn", "name", "path", "uniqueId"],
      create: async (call) => {
        const iam = await iamOf();
        const made = await iam.send(
          new CreateServiceLinkedRoleCommand({ AWSServiceName: text(call, "awsServiceName")! }),
        );
        return made.Role!.Arn!;
      },
      read: async (call) => {
        const role = await roleOf(await iamOf(), call.id.split("/").at(-1)!);
        return role ? { arn: role.Arn, name: role.RoleName, path: role.Path, uniqueId: role.RoleId } : null;
      },
      update: async () => {},
      delete: async (call) => {
        const iam = await iamOf();
        const RoleName = call.id.split("/").at(-1)!;
        await unlessGone(() => iam.send(new DeleteServiceLinkedRoleCommand({ RoleName })));
      },
    },
  };
};
