/** JSON bodies at the border. */
import type { Context } from "hono";
import { bodyBytesMax } from "../../protocol.ts";
import { Refused } from "../errors.ts";

/** What zod and zod/mini have in common. */
interface Schema<T> {
  safeParse(
    value: unknown,
  ):
    | { success: true; data: T }
    | { success: false; error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] } };
}

/**
 * The request's body as the schema has it.
 * @throws Refused 413 beyond 64 KB, counted as they come, whatever the headers promise; 400 naming the paths that are
 * wrong and never a value, for a body may hold secrets.
 */
export async function jsonBody<T>(c: Context, schema: Schema<T>): Promise<T> {
  const text = await smallText(c, bodyBytesMax);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Refused(400, "bad-request", "The body is not JSON.");
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.join(".") || "body"}: ${message}`);
  throw new Refused(400, "bad-request", issues.join("; ").slice(0, 900));
}

/**
 * The request's body as UTF-8. Not hono/body-limit: with a body in chunks it makes a Request that is not the one of
 * @hono/node-server.
 *
 * @throws Refused 413 beyond `max` bytes
 */
export async function smallText(c: Context, max: number): Promise<string> {
  const tooLong = () => new Refused(413, "bad-request", `A body here has at most ${max} bytes.`);
  if (Number(c.req.header("content-length") ?? 0) > max) throw tooLong();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const reader = c.req.raw.body?.getReader();
  for (;;) {
    const next = await reader?.read();
    if (!next || next.done) return Buffer.concat(chunks).toString("utf8");
    bytes += next.value.byteLength;
    if (bytes > max) {
      reader?.cancel().catch(() => {});
      throw tooLong();
    }
    chunks.push(next.value);
  }
}

export function refusalResponse(c: Context, { status, code, message, retryAfterSeconds }: Refused): Response {
  const headers: Record<string, string> =
    retryAfterSeconds === null ? {} : { "retry-after": String(Math.max(1, Math.ceil(retryAfterSeconds))) };
  return c.json({ error: code, message: message.slice(0, 1024) }, status, headers);
}
