/** One HTTP call with a time limit, and what its answer means. */
import * as z from "zod";
import { deadline, type Deps } from "../deps.ts";
import type { Ms } from "../world.ts";
import { bodyOf } from "./body.ts";
import { type GitHubError, refused, unanswered, unreadable } from "./errors.ts";

export interface Call {
  /** For people: `polling muster-dev-arm64`. */
  what: string;
  method: "GET" | "POST" | "PATCH" | "DELETE";
  url: URL;
  headers: Record<string, string>;
  body?: unknown;
  timeoutMs: Ms;
  signal: AbortSignal;
  /** Values that no error may repeat. */
  secrets: readonly string[];
}
export interface Answer {
  status: number;
  text: string;
  header: (name: string) => string | null;
}

/** @throws GitHubError `unavailable` when no whole answer came: failed connection, time limit, abort. */
export async function send(call: Call, deps: Deps): Promise<Answer> {
  const limit = deadline(deps.clock, call.timeoutMs, call.what, call.signal);
  try {
    const response = await deps.fetch(call.url, {
      method: call.method,
      headers: call.headers,
      redirect: "manual",
      signal: limit.signal,
      ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    });
    // A decoder drops the byte order mark with which GitHub's older services begin their answers.
    const text = new TextDecoder().decode(await bodyOf(response));
    return { status: response.status, text, header: (name) => response.headers.get(name) };
  } catch (error) {
    throw unanswered(call.what, error, call.secrets);
  } finally {
    limit.done();
  }
}

const refusalBody = z.object({ typeName: z.string().catch(""), message: z.string().catch("") });

/** A refusal's words: `{typeName, message}`, or plain text. */
export function refusalOf(
  call: Call,
  answer: Answer,
  now: Ms,
  retryAfterMsMax: Ms,
  cure?: string,
): GitHubError {
  const json = refusalBody.safeParse(parsed(answer.text));
  const { what, secrets } = call;
  return refused({
    what,
    status: answer.status,
    message: json.success ? json.data.message : answer.text,
    type: json.success ? json.data.typeName : "",
    header: answer.header,
    now,
    retryAfterMsMax,
    secrets,
    ...(cure === undefined ? {} : { cure }),
  });
}

/** @throws GitHubError when the text is empty (GitHub has sent 200 without a body), no JSON, or of another shape. */
export function read<T>(what: string, text: string, schema: z.ZodType<T>): T {
  if (text.trim() === "") throw unreadable(what, "it is empty");
  const json = parsed(text);
  if (json === undefined) throw unreadable(what, "it is not JSON");
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  throw unreadable(what, `${issue.path.join(".") || "the whole"}: ${issue.message}`);
}

/** Undefined when it is not JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
