/** The manager's control verbs: HTTP over its Unix socket. */
import { request } from "node:http";
import { createInterface } from "node:readline";

export interface ControlAnswer {
  status: number;
  body: string;
}

/**
 * POST `path` on the manager's control socket.
 * @param limitMs longest silence before the call fails
 * @param onLine called for each line of the answer as it comes
 * @throws Error when nobody listens, or the limit passes
 */
export const control = (
  socket: string,
  path: `/control/${string}`,
  body: string,
  limitMs: number,
  onLine: (line: string) => void = () => {},
): Promise<ControlAnswer> =>
  new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const call = request({ socketPath: socket, path, method: "POST", headers, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => (text += part));
      createInterface({ input: answer }).on("line", onLine);
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: text }));
      answer.on("error", reject);
    });
    call.setTimeout(limitMs, () => call.destroy(new Error(`${path}: no answer within ${limitMs / 1000} s`)));
    call.on("error", reject);
    call.end(body);
  });
