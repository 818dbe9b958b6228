/** What a stand-in provider answers to each question of the engine about a resource, from its table of kinds. */
import { randomBytes } from "node:crypto";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import type { Complaint } from "./complaints.ts";
import type { Call, Kind, Provider } from "./kind.ts";
import {
  canonical,
  decode,
  encode,
  isSecret,
  revealAll,
  secret,
  some,
  unknownValue,
  type Props,
} from "./values.ts";

export type Log = (urn: string, line: string) => void;

const kindOf = ({ kinds }: Provider, type: string): Kind => {
  const kind = kinds[type];
  if (!kind) throw new Error(`the stand-in provider has no resource type ${type}`);
  return kind;
};

const volatileOf = (kind: Kind, changed: readonly string[]): readonly string[] =>
  typeof kind.volatile === "function" ? kind.volatile(changed) : (kind.volatile ?? []);

const changedKeys = (kind: Kind, olds: Props, news: Props): string[] => {
  const text = (key: string, value: unknown) =>
    canonical(value === unknownValue ? value : (kind.normal?.[key]?.(value) ?? value));
  return [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter(
    (key) => key !== "__defaults" && text(key, olds[key]) !== text(key, news[key]),
  );
};

/** Outputs of a create or an update. `marked` are the inputs with their secret marks. */
const outputs = async (
  provider: Provider,
  kind: Kind,
  call: Call,
  given: { marked: Props; preview: boolean; changed: readonly string[] },
): Promise<Props> => {
  const { marked, preview, changed } = given;
  const made: Props = {};
  const volatile = volatileOf(kind, changed);
  const again = (key: string) => call.op === "create" || volatile.includes(key);
  for (const [key, make] of Object.entries(kind.computed ?? {}))
    made[key] = !again(key) ? call.olds[key] : preview ? unknownValue : make(call);
  for (const key of kind.answers ?? []) {
    if (call.inputs[key] != null) continue;
    if (!again(key)) made[key] = call.olds[key];
    else if (preview) made[key] = unknownValue;
  }
  if (!preview) {
    provider.fault?.(call);
    Object.assign(made, await kind.run?.(call));
    if (call.op === "create" && kind.create) call.id = await kind.create(call);
    if (call.op === "update") await kind.update?.(call);
    if (kind.read) {
      const read = await kind.read(call);
      if (read === null) throw new Error(`${call.type} ${call.id} is not there after its ${call.op}`);
      Object.assign(made, read);
    }
  }
  const follow = kind.secretFollowsInputs === true && some(marked, isSecret);
  for (const [key, value] of Object.entries(made))
    if ((follow || kind.secret?.includes(key)) && value !== unknownValue) made[key] = secret(value);
  const inputs = Object.fromEntries(Object.entries(marked).filter(([key]) => key !== "__defaults"));
  // A command's output may have an input's name; of a cloud's object the input is what the program asked for.
  const all: Props = kind.run ? { ...inputs, ...made } : { ...made, ...inputs };
  for (const key of kind.secret ?? [])
    if (all[key] != null && all[key] !== unknownValue) all[key] = secret(all[key]);
  return all;
};

const failure = ({ property, reason }: Complaint) => {
  const made = new pb.CheckFailure();
  made.setProperty(property);
  made.setReason(reason);
  return made;
};

/** The name that the program leaves to the provider; it stays what it was. */
const withName = (kind: Kind, request: pb.CheckRequest, inputs: Props): Props => {
  const { autoName } = kind;
  if (!autoName || inputs[autoName] != null || inputs[`${autoName}Prefix`] != null) return inputs;
  const olds = decode(request.getOlds());
  const was = ((olds["__defaults"] ?? []) as string[]).includes(autoName) ? olds[autoName] : undefined;
  const seed = request.getRandomseed_asU8();
  const digits = (seed.length > 0 ? Buffer.from(seed) : randomBytes(8)).toString("hex").slice(0, 7);
  return { ...inputs, [autoName]: was ?? `${request.getName()}-${digits}`, __defaults: [autoName] };
};

export const check = (provider: Provider, request: pb.CheckRequest): pb.CheckResponse => {
  const kind = kindOf(provider, request.getType());
  const given = { ...kind.defaults, ...decode(request.getNews()) };
  const complaints = kind.check?.(revealAll(given)) ?? [];
  const named = withName(kind, request, given);
  const inputs = complaints.length === 0 && kind.prepare ? kind.prepare(named) : named;
  const response = new pb.CheckResponse();
  response.setInputs(encode(inputs));
  response.setFailuresList(complaints.map(failure));
  return response;
};

export const checkConfig = (provider: Provider, request: pb.CheckRequest): pb.CheckResponse => {
  const response = new pb.CheckResponse();
  response.setInputs(request.getNews());
  const complaints = provider.checkConfig?.(revealAll(decode(request.getNews()))) ?? [];
  response.setFailuresList(complaints.map(failure));
  return response;
};

/** A provider can tell no more: a changed region makes everything elsewhere. */
export const diffConfig = (request: pb.DiffRequest): pb.DiffResponse => {
  const [olds, news] = [revealAll(decode(request.getOldInputs())), revealAll(decode(request.getNews()))];
  const changed = changedKeys({}, olds, news).filter((key) => key !== "version");
  const response = new pb.DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = pb.DiffResponse.DiffChanges;
  response.setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE);
  response.setDiffsList(changed);
  response.setReplacesList(changed.filter((key) => key === "region"));
  return response;
};

/** Two objects of one name cannot be at the same time: only a name that the provider gave changes with each. */
const mustGoFirst = (kind: Kind, olds: Props, news: Props): boolean => {
  const { autoName } = kind;
  if (kind.deleteBeforeReplace !== undefined || !autoName || news[autoName] == null)
    return kind.deleteBeforeReplace ?? false;
  const given = !((news["__defaults"] ?? []) as string[]).includes(autoName);
  return given && olds[autoName] === news[autoName];
};

export const diff = (provider: Provider, request: pb.DiffRequest): pb.DiffResponse => {
  const kind = kindOf(provider, request.getType());
  const [olds, news] = [revealAll(decode(request.getOldInputs())), revealAll(decode(request.getNews()))];
  const ignored = request.getIgnorechangesList();
  const changed = changedKeys(kind, olds, news).filter((key) => !ignored.includes(key));
  const { replace = [] } = kind;
  const replaces =
    typeof replace === "function"
      ? replace(changed, olds, news)
      : changed.filter((key) => replace.includes(key));
  const response = new pb.DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = pb.DiffResponse.DiffChanges;
  response.setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE);
  response.setDiffsList(changed);
  response.setReplacesList([...replaces]);
  response.setDeletebeforereplace(mustGoFirst(kind, olds, news));
  return response;
};

export const create = async (provider: Provider, request: pb.CreateRequest, log: Log) => {
  const [preview, marked] = [request.getPreview(), decode(request.getProperties())];
  const kind = kindOf(provider, request.getType());
  const call: Call = {
    op: "create",
    type: request.getType(),
    name: request.getName(),
    id: preview || kind.create ? "" : `${request.getName()}-${randomBytes(4).toString("hex")}`,
    inputs: revealAll(marked),
    olds: {},
    log: (line) => log(request.getUrn(), line),
  };
  const response = new pb.CreateResponse();
  response.setProperties(encode(await outputs(provider, kind, call, { marked, preview, changed: [] })));
  response.setId(call.id);
  return response;
};

export const update = async (provider: Provider, request: pb.UpdateRequest, log: Log) => {
  const marked = decode(request.getNews());
  const kind = kindOf(provider, request.getType());
  const call: Call = {
    op: "update",
    type: request.getType(),
    name: request.getName(),
    id: request.getId(),
    inputs: revealAll(marked),
    olds: revealAll(decode(request.getOlds())),
    log: (line) => log(request.getUrn(), line),
  };
  const changed = changedKeys(kind, revealAll(decode(request.getOldInputs())), call.inputs);
  const response = new pb.UpdateResponse();
  const given = { marked, preview: request.getPreview(), changed };
  response.setProperties(encode(await outputs(provider, kind, call, given)));
  return response;
};

export const remove = async (provider: Provider, request: pb.DeleteRequest, log: Log) => {
  const kind = kindOf(provider, request.getType());
  const call: Call = {
    op: "delete",
    type: request.getType(),
    name: request.getName(),
    id: request.getId(),
    inputs: revealAll(decode(request.getOldInputs())),
    olds: revealAll(decode(request.getProperties())),
    log: (line) => log(request.getUrn(), line),
  };
  provider.fault?.(call);
  await kind.run?.(call);
  await kind.delete?.(call);
  return new empty.Empty();
};

/** Where the kind asks no cloud, what the state says is what there is. */
export const read = async (provider: Provider, request: pb.ReadRequest, log: Log) => {
  const kind = kindOf(provider, request.getType());
  const [inputs, olds] = [decode(request.getInputs()), decode(request.getProperties())];
  const response = new pb.ReadResponse();
  const call: Call = {
    op: "read",
    type: request.getType(),
    name: request.getName(),
    id: request.getId(),
    inputs: revealAll(inputs),
    olds: revealAll(olds),
    log: (line) => log(request.getUrn(), line),
  };
  const found = kind.read ? await kind.read(call) : {};
  // No id: the object is gone.
  if (found === null) return response;
  response.setId(request.getId());
  const drifted = (props: Props): Props => {
    const differing = Object.entries(found).filter(
      ([key, value]) => key in props && canonical(call.olds[key]) !== canonical(value),
    );
    return { ...props, ...Object.fromEntries(differing) };
  };
  const properties = {
    ...drifted(olds),
    ...Object.fromEntries(Object.entries(found).filter(([key]) => !(key in olds))),
  };
  for (const key of kind.secret ?? []) if (properties[key] != null) properties[key] = secret(properties[key]);
  response.setProperties(encode(properties));
  response.setInputs(encode(drifted(inputs)));
  return response;
};
