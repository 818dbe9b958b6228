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
): Promise<ControlAnswer> => call("POST", socket, path, body, limitMs, onLine);

/** GET `path` there. @throws Error as {@link control} */
export const readControl = (
  socket: string,
  path: `/control/${string}`,
  limitMs: number,
): Promise<ControlAnswer> => call("GET", socket, path, "", limitMs, () => {});

const call = (
  method: "GET" | "POST",
  socket: string,
  path: string,
  body: string,
  limitMs: number,
  onLine: (line: string) => void,
): Promise<ControlAnswer> =>
  new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const sent = request({ socketPath: socket, path, method, headers, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => (text += part));
      createInterface({ input: answer }).on("line", onLine);
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: text }));
      answer.on("error", reject);
    });
    sent.setTimeout(limitMs, () => sent.destroy(new Error(`${path}: no answer within ${limitMs / 1000} s`)));
    sent.on("error", reject);
    sent.end(body);
  });
