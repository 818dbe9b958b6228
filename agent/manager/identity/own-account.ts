/**
 * The AWS account that this manager runs in, from its own signed identity document. Not from the settings: whoever could
 * write those could name another account, while nobody but AWS can answer on this machine's metadata address and sign.
 */
import { deadline, type Deps } from "../deps.ts";
import type { Ms } from "../world.ts";
import type { RegionCertificates } from "./aws-certificates.ts";
import { readDocument } from "./aws-document.ts";

export interface OwnAccount {
  /** Null while it is not known; asking for it begins to find out. */
  now(): string | null;
}

/** A metadata service that is there answers in milliseconds. */
const askMs: Ms = 2_000;
const pauseFirstMs: Ms = 1_000;
const pauseMaxMs: Ms = 60_000;

/** @param endpoint of the metadata service, without a slash at its end; AWS's SDKs have a variable of that name */
export function ownAccount(certificates: RegionCertificates, endpoint: string, deps: Deps): OwnAccount {
  let account: string | null = null;
  let asking = false;
  let failures = 0;
  let dueMs: Ms = 0;

  const call = async (path: string, init: RequestInit) => {
    const limit = deadline(deps.clock, askMs, `asking ${endpoint}`);
    try {
      const answer = await deps.fetch(`${endpoint}/latest/${path}`, { ...init, signal: limit.signal });
      if (!answer.ok) throw new Error(`${path} was answered with ${answer.status}`);
      return await answer.text();
    } finally {
      limit.done();
    }
  };
  const ask = async () => {
    const ttl = { "x-aws-ec2-metadata-token-ttl-seconds": "60" };
    const token = await call("api/token", { method: "PUT", headers: ttl });
    const headers = { "x-aws-ec2-metadata-token": token };
    const read = readDocument(await call("dynamic/instance-identity/rsa2048", { headers }), certificates);
    if (read.is !== "signed") throw new Error(`its own document: ${read.detail}`);
    account = read.document.accountId;
    deps.log.info({ account, region: read.document.region }, "this manager's AWS account is known");
  };
  const find = async () => {
    asking = true;
    try {
      await ask();
    } catch (error) {
      failures += 1;
      const pauseMs = Math.min(pauseFirstMs * 2 ** (failures - 1), pauseMaxMs);
      dueMs = deps.clock.now() + pauseMs * (1 + deps.random() / 2);
      deps.log.warn(
        { why: (error as Error).message },
        "this manager's AWS account is not known: none can enrol",
      );
    } finally {
      asking = false;
    }
  };
  return {
    now: () => {
      if (account === null && !asking && deps.clock.now() >= dueMs) void find();
      return account;
    },
  };
}
