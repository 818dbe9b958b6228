/** A service said no. */
export class Refused extends Error {
  override name = "Refused";
  readonly status: number;
  /** `errorKind` of the broker, such as RunnerNotFound; empty when it gave none. */
  readonly kind: string;
  /** What `retry-after` asks for, at most a minute; 0 without. */
  readonly retryAfterMs: number;
  constructor(message: string, status: number, kind: string, retryAfterMs: number) {
    super(message);
    this.status = status;
    this.kind = kind;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The record behind these credentials is gone: they will never be good again. */
export class InvalidClient extends Error {
  override name = "InvalidClient";
}

function details(body: string): { kind: string; message: string | null } {
  try {
    const parsed = JSON.parse(body) as Record<string, unknown>;
    const message = parsed["errorMessage"] ?? parsed["message"];
    return { kind: String(parsed["errorKind"] ?? ""), message: typeof message === "string" ? message : null };
  } catch {
    return { kind: "", message: null };
  }
}

/** The query may hold ids and is left out of the text. */
export function readRefusal(url: string, response: Response, body: string): Refused {
  const { kind, message } = details(body);
  const seconds = Number(response.headers.get("retry-after") ?? 0);
  const retryAfterMs = Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), 60) * 1000 : 0;
  const where = new URL(url).pathname;
  return new Refused(message ?? `${where} answered ${response.status}`, response.status, kind, retryAfterMs);
}
