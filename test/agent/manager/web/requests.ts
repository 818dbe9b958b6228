/** HTTP as an attacker or a plain client would send it: any header, any method, nothing added. */
import { request, type IncomingHttpHeaders } from "node:http";
import { request as requestOverTls } from "node:https";

export interface Sent {
  port?: number;
  socketPath?: string;
  /** PEM: over TLS, and no other CA is believed. */
  ca?: string;
  /** The caller's own address, of 127.0.0.0/8. */
  from?: string;
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** `json` of an answer whose body is not JSON throws. */
export function ask({
  port,
  socketPath,
  ca,
  from,
  method = "GET",
  path,
  headers = {},
  body,
}: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const where = socketPath === undefined ? { host: "127.0.0.1", port } : { socketPath };
    const counted = body === undefined || "transfer-encoding" in headers;
    const length = counted ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const all = { ...length, ...headers };
    const origin = from === undefined ? {} : { localAddress: from };
    const call = (ca === undefined ? request : requestOverTls)(
      { ...where, ...origin, method, path, headers: all, agent: false, timeout: 20_000, ca },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        );
      },
    );
    call.on("timeout", () => call.destroy(new Error(`no answer to ${method} ${path}`)));
    call.on("error", reject);
    call.end(body);
  });
}

export const postJson = (where: Omit<Sent, "body">, body: unknown): Promise<Answer> =>
  ask({
    method: "POST",
    ...where,
    headers: { "content-type": "application/json", ...where.headers },
    body: JSON.stringify(body),
  });

/** Resolves once `ready` is true; rejects after ten seconds. */
export async function until(ready: () => boolean, what: string): Promise<void> {
  for (const endMs = Date.now() + 20_000; !ready();) {
    if (Date.now() > endMs) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
