/** What the kinds of AWS have in common: region, tags, and how an object that is gone is recognised. */
import type { Call, Kind } from "../kind.ts";
import type { Props } from "../values.ts";
import type { ClientOf, Clients } from "./clients.ts";

/** The provider's own configuration and what reaches its cloud. */
export interface Cloud {
  region: string;
  defaultTags: Record<string, string>;
  clients: Clients;
  account: string;
}

export const accountId = "123456789012";

/** Region of a resource: its own `region`, or else the provider's. */
export const regionOf = (cloud: Cloud, call: Call): string =>
  (call.inputs["region"] as string | undefined) ??
  (call.olds["region"] as string | undefined) ??
  cloud.region;

export const ec2Of = (cloud: Cloud, call: Call): Promise<ClientOf<"ec2">> =>
  cloud.clients("ec2", regionOf(cloud, call));

/** An input that the declarations say is text. */
export const text = (call: Call, key: string): string | undefined => call.inputs[key] as string | undefined;
export const texts = (call: Call, key: string): string[] | undefined =>
  call.inputs[key] as string[] | undefined;
export const flag = (call: Call, key: string): boolean | undefined => call.inputs[key] as boolean | undefined;
export const number = (call: Call, key: string): number | undefined =>
  call.inputs[key] == null ? undefined : Number(call.inputs[key]);

/** As most services want them. */
export const tagList = (tags: unknown): { Key: string; Value: string }[] =>
  Object.entries((tags ?? {}) as Record<string, string>).map(([Key, Value]) => ({ Key, Value }));

/** Tags that an update adds or changes, and the names of those that it takes away. */
export const tagChanges = (call: Call) => {
  const olds = (call.olds["tags"] ?? {}) as Record<string, string>;
  const news = (call.inputs["tags"] ?? {}) as Record<string, string>;
  return {
    set: tagList(news).filter(({ Key, Value }) => olds[Key] !== Value),
    unset: Object.keys(olds).filter((key) => !(key in news)),
  };
};

const isGone = (error: unknown): boolean => {
  const { name, Code } = error as { name?: string; Code?: string };
  return /NotFound|NoSuch|NonExist|InvalidAssociationID|ResourceNotFoundException|ParameterNotFound/.test(
    `${name} ${Code}`,
  );
};

/** What `find` finds; null where the cloud says that it is not there. */
export const orNull = async <T>(find: () => Promise<T | null | undefined>): Promise<T | null> => {
  try {
    return (await find()) ?? null;
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
};

/** A delete of what is gone has done its work. */
export const unlessGone = async (work: () => Promise<unknown>): Promise<void> => {
  await orNull(async () => (await work(), true));
};

/** Names the provider makes from a prefix; terraform's own are longer, which hides no mistake. */
export const fromPrefix = (prefix: string): string =>
  `${prefix}${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;

/** The name that the program gave or left to the provider's prefix. */
export const nameOf = (call: Call, key = "name"): string =>
  text(call, key) ?? fromPrefix(text(call, `${key}Prefix`) ?? "terraform-");

/** Policies are equal when they say the same. */
export const json = (value: unknown): unknown => {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
};

/** Drops undefined values, which the SDK's types refuse under exactOptionalPropertyTypes. */
export const given = <T extends Record<string, unknown>>(props: T) =>
  Object.fromEntries(Object.entries(props).filter(([, value]) => value != null)) as {
    [K in keyof T]: Exclude<T[K], undefined | null>;
  };

/** `vpcId` as the API writes it: `VpcId`. */
const pascal = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);

/** Inputs in the API's own capitals, all the way down; for those whose names are the API's. */
export const capital = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(capital);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [pascal(key), capital(inner)]));
};

export type CloudKind = Kind & {
  create: NonNullable<Kind["create"]>;
  read: NonNullable<Kind["read"]>;
  delete: NonNullable<Kind["delete"]>;
};
export type CloudKinds = Record<string, CloudKind>;
export type { Call, Props };
