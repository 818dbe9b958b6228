/** Property values as the engine sends them: secrets are wrapped, unknowns are a marker string. */
import * as wire from "@pulumi/pulumi/runtime/rpc.js";
import struct from "google-protobuf/google/protobuf/struct_pb.js";

export type Props = Record<string, unknown>;

const isObject = (value: unknown): value is Props =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const isSecret = (value: unknown): value is Props =>
  isObject(value) && value[wire.specialSigKey] === wire.specialSecretSig;

export const secret = (value: unknown): unknown =>
  isSecret(value) ? value : { [wire.specialSigKey]: wire.specialSecretSig, value };

/** An asset or an archive, as the engine sends it: with its text or the path of its file. */
export const isAsset = (value: unknown): value is Props =>
  isObject(value) &&
  (value[wire.specialSigKey] === wire.specialAssetSig ||
    value[wire.specialSigKey] === wire.specialArchiveSig);

/** The same value without its secret marks. */
export const reveal = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reveal);
  if (isSecret(value)) return reveal(value.value);
  if (isObject(value)) return revealAll(value);
  return value;
};
export const revealAll = (props: Props): Props =>
  Object.fromEntries(Object.entries(props).map(([key, value]) => [key, reveal(value)]));

/** Whether `test` holds for the value or anything inside. */
export const some = (value: unknown, test: (inner: unknown) => boolean): boolean => {
  if (test(value)) return true;
  if (Array.isArray(value)) return value.some((inner) => some(inner, test));
  return isObject(value) && Object.values(value).some((inner) => some(inner, test));
};

export const unknownValue = wire.unknownValue;

/** Text that is equal for equal values, whatever the order of keys. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  ) ?? "";

export const decode = (message: struct.Struct | undefined): Props => message?.toJavaScript() ?? {};

/** Undefined values have no place on the wire: the JSON round trip drops them. */
export const encode = (props: Props): struct.Struct =>
  struct.Struct.fromJavaScript(
    JSON.parse(JSON.stringify(props)) as Parameters<typeof struct.Struct.fromJavaScript>[0],
  );
