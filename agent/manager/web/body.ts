/** JSON bodies at the border. */
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
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

/** Counts the bytes that really come, whatever the headers promise. */
export const smallBody = bodyLimit({
  maxSize: bodyBytesMax,
  onError: () => {
    throw new Refused(413, "bad-request", `A body here has at most ${bodyBytesMax} bytes.`);
  },
});

/**
 * The request's body as the schema has it.
 * @throws Refused 400, naming the paths that are wrong and never a value: a body may hold secrets.
 */
export async function jsonBody<T>(c: Context, schema: Schema<T>): Promise<T> {
  let value: unknown;
  try {
    value = await c.req.json();
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

export function refusalResponse(c: Context, { status, code, message, retryAfterSeconds }: Refused): Response {
  const headers: Record<string, string> =
    retryAfterSeconds === null ? {} : { "retry-after": String(Math.max(1, Math.ceil(retryAfterSeconds))) };
  return c.json({ error: code, message: message.slice(0, 1024) }, status, headers);
}
