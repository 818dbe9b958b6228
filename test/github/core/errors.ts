/** Refusals as the three families of GitHub's services word them; a handler throws one, http.ts sends it. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: unknown, headers: Record<string, string> = {}) {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    super(text);
    this.status = status;
    this.body = text;
    this.headers = headers;
  }
}

/** REST: `{message, documentation_url, status}`. */
export const restRefusal = (status: number, message: string) =>
  new Refusal(status, { message, documentation_url: "https://docs.github.com/rest", status: String(status) });

/** Scale set service: `{typeName, typeKey, message}` as .NET words it. */
export const serviceRefusal = (status: number, typeKey: string, message: string) =>
  new Refusal(status, {
    $id: "1",
    innerException: null,
    message,
    typeName: `GitHub.DistributedTask.WebApi.${typeKey}, GitHub.DistributedTask.WebApi`,
    typeKey,
    errorCode: 0,
    eventId: 3000,
  });

/** Broker and run service (actions/runner src/Sdk/WebApi/WebApi/Contracts/BrokerError.cs). */
export const brokerRefusal = (status: number, errorKind: string, errorMessage: string) =>
  new Refusal(status, { source: "actions-broker-listener", statusCode: status, errorKind, errorMessage });

/** Artifact service. */
export const twirpRefusal = (status: number, code: string, msg: string) => new Refusal(status, { code, msg });

/** Status faults: GitHub's shape depends on who is asked; the plainest one does for all. */
export const faultRefusal = (
  status: number,
  body: string | undefined,
  retryAfterSeconds: number | undefined,
) =>
  new Refusal(
    status,
    body ?? { message: status === 401 ? "Bad credentials" : `simulated ${status}` },
    retryAfterSeconds === undefined ? {} : { "retry-after": String(retryAfterSeconds) },
  );
