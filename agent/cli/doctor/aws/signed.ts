/**
 * Calls to services of which no client is installed (STS, Service Quotas), signed by the SDK with the credentials that it
 * found. Repeated at most twice, with growing pauses, when there was no answer or one that asks for it.
 */
import type { EC2Client } from "@aws-sdk/client-ec2";
import { deadline, type Deps } from "../../../manager/deps.ts";
import { AwsRefused } from "./ports.ts";

export interface SignedCall {
  /** For people: `GetServiceQuota in eu-central-1`. */
  name: string;
  /** As signatures and addresses call it: `sts`, `servicequotas`. */
  service: string;
  region: string;
  headers: Readonly<Record<string, string>>;
  body: string;
}

export const signedLimits = { attempts: 3, attemptMs: 10_000, pauseMs: 300 } as const;

/** As every tool of AWS takes it: one service's own address, one for all, or the region's. */
export const addressOf = (service: string, region: string, env: NodeJS.ProcessEnv): string => {
  const own = `AWS_ENDPOINT_URL_${service === "servicequotas" ? "SERVICE_QUOTAS" : service.toUpperCase()}`;
  const suffix = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return env[own] || env["AWS_ENDPOINT_URL"] || `https://${service}.${region}.${suffix}`;
};

/** JSON has `__type` and `message`, XML has `<Code>` and `<Message>`. */
const refusal = (text: string, status: number): [code: string, said: string] => {
  const field = (json: string, xml: string) =>
    (new RegExp(`"${json}"\\s*:\\s*"([^"]*)"`, "i").exec(text) ??
      new RegExp(`<${xml}>([^<]*)<`).exec(text))?.[1];
  const code = field("__type", "Code")?.split("#").at(-1) ?? `HTTP ${status}`;
  return [code, field("message", "Message") ?? "it says no more"];
};

const isPassing = (code: string, status: number) =>
  status >= 500 || status === 429 || /Throttl|TooManyRequests|RequestLimit/.test(code);

/**
 * @param signing a client of its own, of that region: its signer keeps the name of the service that it first signed for
 * @returns the answer's text. @throws AwsRefused; what the SDK throws where it finds no credentials
 */
export const signedCall = async (
  { name, service, region, headers, body }: SignedCall,
  signing: EC2Client,
  { clock, random, fetch, env }: Pick<Deps, "clock" | "random" | "fetch"> & { env: NodeJS.ProcessEnv },
): Promise<string> => {
  const url = new URL(addressOf(service, region, env));
  const attempt = async (): Promise<string | AwsRefused> => {
    const signer = await signing.config.signer({
      name: "sigv4",
      signingName: service,
      signingRegion: region,
      properties: {},
    });
    const { headers: signed } = await signer.sign({
      method: "POST",
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port !== "" && { port: Number(url.port) }),
      path: url.pathname,
      query: {},
      headers: { host: url.host, ...headers },
      body,
    });
    const limit = deadline(clock, signedLimits.attemptMs, name);
    try {
      const answer = await fetch(url, { method: "POST", headers: signed, body, signal: limit.signal });
      const text = await answer.text();
      if (answer.ok) return text;
      const [code, said] = refusal(text, answer.status);
      const refused = new AwsRefused(name, code, said);
      if (isPassing(code, answer.status)) return refused;
      throw refused;
    } catch (error) {
      if (error instanceof AwsRefused) throw error;
      const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
      return new AwsRefused(name, cause?.code ?? "NoAnswer", cause?.message ?? message);
    } finally {
      limit.done();
    }
  };
  for (let tried = 1; ; tried += 1) {
    const answer = await attempt();
    if (typeof answer === "string") return answer;
    if (tried === signedLimits.attempts) throw answer;
    await clock.sleep(signedLimits.pauseMs * 2 ** tried * (0.5 + random() / 2));
  }
};
