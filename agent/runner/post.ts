/** JSON over HTTP to the manager. node:http, since the first call of fetch() costs 20 ms of every start. */
import type { Agent, IncomingMessage, RequestOptions } from "node:http";
import { urlToHttpOptions } from "node:url";
import { bodyBytesMax } from "../protocol.ts";
import type { Clock } from "./deps.ts";

export interface Answer {
  status: number;
  /** Parsed JSON; undefined when the body is none. */
  body: unknown;
  /** `retry-after`; 0 when absent. */
  retryAfterMs: number;
}
export interface PostOptions {
  bearer?: string;
  timeoutMs: number;
  signal: AbortSignal;
}
/**
 * Rejects when there is no whole answer in time or `signal` aborts.
 *
 * @param server as LaunchFile in protocol.ts has it: `http://`, `https://` or `unix:/path`
 */
export type Post = (server: string, path: string, body: unknown, options: PostOptions) => Promise<Answer>;

/**
 * Connections are kept between the calls of one agent.
 *
 * @param ca PEM: over TLS nobody is believed but whom these certify, not the system's; left out: the system's
 */
export function makePost(clock: Clock, ca?: string): Post {
  const agents = new Map<boolean, Agent>();
  return async (server, path, body, { bearer, timeoutMs, signal }) => {
    const secure = server.startsWith("https:");
    const { Agent, request } = secure ? await import("node:https") : await import("node:http");
    // In a list, since Node takes an empty text for none at all and would believe the system's.
    const agent =
      agents.get(secure) ?? new Agent({ keepAlive: true, ...(ca === undefined ? {} : { ca: [ca] }) });
    agents.set(secure, agent);
    const text = JSON.stringify(body);
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    };
    const limit = new AbortController();
    const cancel = clock.after(timeoutMs, () =>
      limit.abort(new Error(`no answer in ${timeoutMs / 1_000} s`)),
    );
    const stop = AbortSignal.any([signal, limit.signal]);
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const call = request(
          { ...target(server, path), method: "POST", agent, headers, signal: stop },
          resolve,
        );
        call.on("error", (error) => reject(stop.aborted ? (stop.reason as Error) : error));
        call.end(text);
      });
      return await read(response);
    } finally {
      cancel();
    }
  };
}

/** A `unix:` address never becomes a TCP one: who may answer there is what makes it one to trust. */
function target(server: string, path: string): RequestOptions {
  if (server.startsWith("unix:")) return { socketPath: server.slice("unix:".length), path };
  return urlToHttpOptions(new URL(`${server.replace(/\/$/, "")}${path}`));
}

async function read(response: IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bodyBytesMax) {
      response.destroy();
      throw new Error(`an answer of more than ${bodyBytesMax} bytes`);
    }
    parts.push(part);
  }
  const seconds = Number(response.headers["retry-after"]);
  return {
    status: response.statusCode ?? 0,
    body: parse(Buffer.concat(parts).toString()),
    retryAfterMs: seconds > 0 ? seconds * 1_000 : 0,
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
