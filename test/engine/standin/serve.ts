/**
 * A stand-in Pulumi provider: it speaks the engine's own protocol, so a program runs against the real engine (real
 * preview, diff, state, secrets) while no cloud is reached. What each resource type makes up is a table of kinds.
 */
import grpc from "@grpc/grpc-js";
import enginePb from "@pulumi/pulumi/proto/engine_pb.js";
import engineRpc from "@pulumi/pulumi/proto/engine_grpc_pb.js";
import plugin from "@pulumi/pulumi/proto/plugin_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import rpc, { type IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import type { Provider } from "./kind.ts";
import * as operations from "./operations.ts";
import type { Log } from "./operations.ts";
import { decode, revealAll } from "./values.ts";

export interface ServeOptions {
  /** At least what the npm package asks for, or each run warns. */
  version: string;
  /** Address of the engine, for progress lines; none are shown without. */
  engine?: string | undefined;
}

const handshake = () => {
  const response = new pb.ProviderHandshakeResponse();
  response.setAcceptSecrets(true);
  response.setAcceptResources(true);
  return response;
};
const configure = (provider: Provider, request: pb.ConfigureRequest) => {
  provider.configure?.(revealAll(decode(request.getArgs())));
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

/** Serves the provider on a free port of 127.0.0.1. Never block in a kind: the engine waits. */
export const serve = async (provider: Provider, options: ServeOptions) => {
  const log = engineLog(options.engine);
  const working = <Request, Response>(work: (request: Request) => Promise<Response>) =>
    unary((request: Request) => work(request).finally(log.flush));
  const service: Partial<IResourceProviderServer> = {
    handshake: unary(handshake),
    getPluginInfo: unary(() => pluginInfo(options.version)),
    getSchema: unary(schema),
    checkConfig: unary((request: pb.CheckRequest) => operations.checkConfig(provider, request)),
    diffConfig: unary(operations.diffConfig),
    configure: unary((request: pb.ConfigureRequest) => configure(provider, request)),
    attach: unary(() => new empty.Empty()),
    cancel: unary(() => {
      provider.cancel?.();
      return new empty.Empty();
    }),
    check: unary((request: pb.CheckRequest) => operations.check(provider, request)),
    diff: unary((request: pb.DiffRequest) => operations.diff(provider, request)),
    create: working((request: pb.CreateRequest) => operations.create(provider, request, log.line)),
    update: working((request: pb.UpdateRequest) => operations.update(provider, request, log.line)),
    delete: working((request: pb.DeleteRequest) => operations.remove(provider, request, log.line)),
    read: working((request: pb.ReadRequest) => operations.read(provider, request, log.line)),
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
export const main = async (provider: Provider, version: string): Promise<void> => {
  const { port } = await serve(provider, { version, engine: process.argv[2] });
  console.log(port);
  // An engine that was killed does not stop its plugins.
  const parent = process.ppid;
  // 1: it was gone before we looked.
  setInterval(() => (process.ppid !== parent || process.ppid === 1) && process.exit(), 500).unref();
};
