/** HTTP in front of moto: calls of EC2 are read, everything else goes through as it came, and all are counted. */
import { request, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { scopeOf, type Answer, type Call } from "./query.ts";

export interface DoorOptions {
  moto: string;
  /** `ec2:CreateFleet`. */
  count: (name: string) => void;
  /** @returns null when the answer gets lost */
  ec2: (call: Call) => Promise<Answer | null>;
}

const readAll = async (message: IncomingMessage): Promise<Buffer> => {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  return Buffer.concat(parts);
};

export function makeDoor({ moto, count, ec2 }: DoorOptions): RequestListener {
  /** `body`: where it was read already. */
  const through = (from: IncomingMessage, to: ServerResponse, body?: Buffer) => {
    const { method, headers } = from;
    const onward = request(
      new URL(from.url!, moto),
      { method: method!, headers, setHost: false },
      (answer) => {
        to.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(to);
        answer.once("error", () => to.destroy());
      },
    );
    onward.once("error", () => to.destroy());
    to.once("close", () => onward.destroy());
    if (body) onward.end(body);
    else from.pipe(onward);
  };

  const serve = async (from: IncomingMessage, to: ServerResponse) => {
    const scope = scopeOf(from.headers.authorization);
    const service = scope?.service ?? "unsigned";
    const target = from.headers["x-amz-target"];
    const isForm = (from.headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded");
    if (typeof target === "string") count(`${service}:${target.split(".").at(-1)}`);
    else if (!isForm || from.method !== "POST") count(`${service}:${from.method}`);
    if (!isForm || from.method !== "POST") return through(from, to);
    const body = await readAll(from);
    const form = [...new URLSearchParams(body.toString("utf8"))];
    const action = form.find(([name]) => name === "Action")?.[1] ?? "unknown";
    count(`${service}:${action}`);
    if (service !== "ec2") return through(from, to, body);
    const rest = form.filter(([name]) => name !== "Action" && name !== "Version");
    const answer = await ec2({ region: scope!.region, action, form: rest });
    if (answer === null) return void from.socket.destroy();
    to.writeHead(answer.status, { "content-type": "text/xml;charset=UTF-8" }).end(answer.body);
  };

  return (from, to) =>
    void serve(from, to).catch((error: unknown) => {
      // Not as a fault of EC2, which tests count on: a fault of the stand-in.
      if (!to.headersSent) to.writeHead(500, { "content-type": "text/plain" });
      to.end(`test/clouds/aws: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    });
}
