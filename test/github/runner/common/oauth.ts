/** The runner's access token: client credentials with an RS256 assertion by the key of the JIT config (RFC 7523). */
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import type { Credentials, RsaParameters } from "./config.ts";
import type { Deps } from "./deps.ts";
import { InvalidClient, readRefusal } from "./refused.ts";

export interface Tokens {
  get(): Promise<string>;
  /** Forgets the present one, so that the next call asks for another. */
  drop(): void;
}

const timeoutMs = 30_000;
const assertionSeconds = 300;
/** A token is not used in the last minute of its life. */
const marginMs = 60_000;

const base64url = (base64: string) => Buffer.from(base64, "base64").toString("base64url");

/** RSAParameters as JWK, which Node's crypto imports. */
const privateKey = (rsa: RsaParameters) =>
  createPrivateKey({
    format: "jwk",
    key: {
      kty: "RSA",
      n: base64url(rsa.modulus),
      e: base64url(rsa.exponent),
      d: base64url(rsa.d),
      p: base64url(rsa.p),
      q: base64url(rsa.q),
      dp: base64url(rsa.dp),
      dq: base64url(rsa.dq),
      qi: base64url(rsa.inverseQ),
    },
  });

export function clientAssertion(
  { clientId, authorizationUrl }: Credentials,
  rsa: RsaParameters,
  nowMs: number,
): string {
  const seconds = Math.floor(nowMs / 1000);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = {
    sub: clientId,
    iss: clientId,
    aud: authorizationUrl,
    jti: randomUUID(),
    nbf: seconds - 60,
    exp: seconds + assertionSeconds,
  };
  const signed = `${part({ typ: "JWT", alg: "RS256" })}.${part(claims)}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), privateKey(rsa)).toString("base64url")}`;
}

async function request(credentials: Credentials, rsa: RsaParameters, deps: Deps) {
  const url = credentials.authorizationUrl;
  const response = await deps.fetch(url, {
    method: "POST",
    signal: AbortSignal.timeout(timeoutMs),
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: clientAssertion(credentials, rsa, deps.now()),
    }),
  });
  const body = await response.text();
  if (response.ok) return JSON.parse(body) as { access_token: string; expires_in: number };
  if (response.status === 400 && body.includes("invalid_client")) {
    throw new InvalidClient(`Registration ${credentials.clientId} was not found.`);
  }
  throw readRefusal(url, response, body);
}

/** @throws InvalidClient (as a rejection) when the registration is gone. */
export function createTokens(credentials: Credentials, rsa: RsaParameters, deps: Deps): Tokens {
  let current: { token: Promise<string>; untilMs: number } | null = null;
  const ask = () => {
    const mine: typeof current = { untilMs: Infinity, token: Promise.resolve("") };
    mine.token = request(credentials, rsa, deps).then(
      ({ access_token, expires_in }) => {
        mine.untilMs = deps.now() + expires_in * 1000 - marginMs;
        return access_token;
      },
      (error: unknown) => {
        if (current === mine) current = null;
        throw error;
      },
    );
    current = mine;
    return mine.token;
  };
  return {
    get: () => (current && deps.now() < current.untilMs ? current.token : ask()),
    drop: () => (current = null),
  };
}
