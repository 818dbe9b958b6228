/**
 * A stand-in Pulumi provider: it speaks the engine's own protocol, so a program runs against the real engine (real
 * preview, diff, state, secrets) while no cloud is reached. What each resource type makes up is a table of kinds.
 */
import { randomBytes } from "node:crypto";
import grpc from "@grpc/grpc-js";
import enginePb from "@pulumi/pulumi/proto/engine_pb.js";
import engineRpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import rpc, { type IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import type { Call, Kind, Kinds } from "./kind.ts";
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

export interface ServeOptions {
  /** At least what the npm package asks for, or each run warns. */
  version: string;
  /** Address of the engine, for progress lines; none are shown without. */
  engine?: string | undefined;
}

type Log = (urn: string, line: string) => void;

const kindOf = (kinds: Kinds, type: string): Kind => {
  const kind = kinds[type];
  if (!kind) throw new Error(`the stand-in provider has no resource type ${type}`);
  return kind;
};

/** Outputs of a create or an update. `marked` are the inputs with their secret marks. */
const outputs = async (kind: Kind, call: Call, marked: Props, preview: boolean): Promise<Props> => {
  const made: Props = {};
  for (const [key, make] of Object.entries(kind.computed ?? {})) {
    const again = call.op === "create" || kind.volatile?.includes(key);
    made[key] = !again ? call.olds[key] : preview ? unknownValue : make(call);
  }
  if (!preview) Object.assign(made, await kind.run?.(call));
  const follow = kind.secretFollowsInputs === true && some(marked, isSecret);
  for (const [key, value] of Object.entries(made))
    if ((follow || kind.secret?.includes(key)) && value !== unknownValue) made[key] = secret(value);
  return { ...marked, ...made };
};

const check = (kinds: Kinds, request: pb.CheckRequest) => {
  const kind = kindOf(kinds, request.getType());
  const inputs = { ...kind.defaults, ...decode(request.getNews()) };
  const failures = Object.entries(kind.check?.(revealAll(inputs)) ?? {}).map(([property, reason]) => {
    const failure = new pb.CheckFailure();
    failure.setProperty(property);
    failure.setReason(reason);
    return failure;
  });
  const response = new pb.CheckResponse();
  response.setInputs(encode(inputs));
  response.setFailuresList(failures);
  return response;
};

const diff = (kinds: Kinds, request: pb.DiffRequest) => {
  const kind = kindOf(kinds, request.getType());
  const [olds, news] = [revealAll(decode(request.getOldInputs())), revealAll(decode(request.getNews()))];
  const ignored = request.getIgnorechangesList();
  const changed = [...new Set([...Object.keys(olds), ...Object.keys(news)])].filter(
    (key) => !ignored.includes(key) && canonical(olds[key]) !== canonical(news[key]),
  );
  const response = new pb.DiffResponse();
  const { DIFF_NONE, DIFF_SOME } = pb.DiffResponse.DiffChanges;
  response.setChanges(changed.length > 0 ? DIFF_SOME : DIFF_NONE);
  response.setDiffsList(changed);
  response.setReplacesList(changed.filter((key) => kind.replace?.includes(key)));
  response.setDeletebeforereplace(kind.deleteBeforeReplace ?? false);
  return response;
};

const create = async (kinds: Kinds, request: pb.CreateRequest, log: Log) => {
  const [preview, marked] = [request.getPreview(), decode(request.getProperties())];
  const call: Call = {
    op: "create",
    type: request.getType(),
    name: request.getName(),
    id: preview ? "" : `${request.getName()}-${randomBytes(4).toString("hex")}`,
    inputs: revealAll(marked),
    olds: {},
    log: (line) => log(request.getUrn(), line),
  };
  const response = new pb.CreateResponse();
  response.setProperties(encode(await outputs(kindOf(kinds, call.type), call, marked, preview)));
  response.setId(call.id);
  return response;
};

const update = async (kinds: Kinds, request: pb.UpdateRequest, log: Log) => {
  const marked = decode(request.getNews());
  const call: Call = {
    op: "update",
    type: request.getType(),
    name: request.getName(),
    id: request.getId(),
    inputs: revealAll(marked),
    olds: revealAll(decode(request.getOlds())),
    log: (line) => log(request.getUrn(), line),
  };
  const response = new pb.UpdateResponse();
  response.setProperties(encode(await outputs(kindOf(kinds, call.type), call, marked, request.getPreview())));
  return response;
};

const remove = async (kinds: Kinds, request: pb.DeleteRequest, log: Log) => {
  await kindOf(kinds, request.getType()).run?.({
    op: "delete",
    type: request.getType(),
    name: request.getName(),
    id: request.getId(),
    inputs: revealAll(decode(request.getOldInputs())),
    olds: revealAll(decode(request.getProperties())),
    log: (line) => log(request.getUrn(), line),
  });
  return new empty.Empty();
};

/** Nothing is asked of a world outside: what the state says is what there is. */
const read = (request: pb.ReadRequest) => {
  const response = new pb.ReadResponse();
  response.setId(request.getId());
  response.setProperties(request.getProperties());
  response.setInputs(request.getInputs());
  return response;
};

const handshake = () => {
  const response = new pb.ProviderHandshakeResponse();
  response.setAcceptSecrets(true);
  response.setAcceptResources(true);
  return response;
};
const configure = () => {
  const response = new pb.ConfigureResponse();
  response.setAcceptsecrets(true);
  response.setAcceptresources(true);
  response.setSupportspreview(true);
  return response;
};
const pluginInfo = (version: string) => {
  const response = new plugin.PluginInfo();
  response.setVersion(version);
  return response;
};
const schema = () => {
  const response = new pb.GetSchemaResponse();
  response.setSchema("{}");
  return response;
};
const checkConfig = (request: pb.CheckRequest) => {
  const response = new pb.CheckResponse();
  response.setInputs(request.getNews());
  return response;
};

const unary =
  <Request, Response>(answer: (request: Request) => Response | Promise<Response>) =>
  (call: { request: Request }, done: grpc.sendUnaryData<Response>): void => {
    void (async () => answer(call.request))().then(
      (response) => done(null, response),
      (error: Error) => done({ code: grpc.status.UNKNOWN, details: error.message }),
    );
  };

interface EngineLog {
  line: Log;
  /** Resolves when the engine has every line. */
  flush: () => Promise<void>;
}

const engineLog = (address: string | undefined): EngineLog => {
  if (address === undefined) return { line: () => {}, flush: () => Promise.resolve() };
  const client = new engineRpc.EngineClient(address, grpc.credentials.createInsecure());
  // One after the other: calls at the same time may overtake each other.
  let sent = Promise.resolve();
  const line: Log = (urn, text) => {
    const request = new enginePb.LogRequest();
    request.setSeverity(enginePb.LogSeverity.INFO);
    request.setUrn(urn);
    request.setMessage(text);
    // A line that is lost is lost: the work goes on.
    sent = sent.then(() => new Promise((resolve) => void client.log(request, () => resolve())));
  };
  return { line, flush: () => sent };
};

/** Serves the kinds on a free port of 127.0.0.1. Never block in a kind: the engine waits. */
export const serve = async (kinds: Kinds, options: ServeOptions) => {
  const log = engineLog(options.engine);
  const working = <Request, Response>(work: (request: Request) => Promise<Response>) =>
    unary((request: Request) => work(request).finally(log.flush));
  const service: Partial<IResourceProviderServer> = {
    handshake: unary(handshake),
    getPluginInfo: unary(() => pluginInfo(options.version)),
    getSchema: unary(schema),
    checkConfig: unary(checkConfig),
    diffConfig: unary(() => new pb.DiffResponse()),
    configure: unary(configure),
    attach: unary(() => new empty.Empty()),
    cancel: unary(() => new empty.Empty()),
    check: unary((request: pb.CheckRequest) => check(kinds, request)),
    diff: unary((request: pb.DiffRequest) => diff(kinds, request)),
    create: working((request: pb.CreateRequest) => create(kinds, request, log.line)),
    update: working((request: pb.UpdateRequest) => update(kinds, request, log.line)),
    delete: working((request: pb.DeleteRequest) => remove(kinds, request, log.line)),
    read: unary(read),
  };
  const server = new grpc.Server({ "grpc.max_receive_message_length": 400 * 1024 * 1024 });
  server.addService(rpc.ResourceProviderService, service as grpc.UntypedServiceImplementation);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return { port, close: () => server.forceShutdown() };
};

/** As a plugin: the engine gives its address as the only argument and reads the port from the first line printed. */
export const main = async (kinds: Kinds, version: string): Promise<void> => {
  const { port } = await serve(kinds, { version, engine: process.argv[2] });
  console.log(port);
  // An engine that was killed does not stop its plugins.
  const parent = process.ppid;
  // 1: it was gone before we looked.
  setInterval(() => (process.ppid !== parent || process.ppid === 1) && process.exit(), 500).unref();
};
