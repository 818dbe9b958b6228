/** The chain with AWS behind it: a manager with a door for machines in the network, which launches at AWS's stand-in. */
import { join } from "node:path";
import { pino } from "pino";
import { realDeps } from "../../agent/manager/deps.ts";
import { openJournal } from "../../agent/manager/journal.ts";
import { defaultLimits } from "../../agent/manager/limits.ts";
import { type Certificates, makeCertificates } from "../certificates/certificates.ts";
import type { Aws } from "../clouds/aws/aws.ts";
import { freePort } from "../engine/project.ts";
import { type Chain, type ChainOptions, startChain } from "./chain.ts";

const address = "127.0.0.1";

export interface AwsChain {
  chain: Chain;
  stack: Certificates;
  /** Of the door for machines, over TLS. */
  port: number;
}

/** A journal that an earlier manager kept for an hour: a new one waits three minutes for launches that it may have forgotten. */
export function remember(directory: string): void {
  const deps = realDeps(pino({ level: "silent" }));
  const since = { ...deps, clock: { ...deps.clock, now: () => Date.now() - 3_600_000 } };
  const journal = openJournal(join(directory, "journal.sqlite"), since, defaultLimits);
  journal.heartbeat(Date.now());
  journal.close();
}

/** @param directory is there already */
export async function startAwsChain(
  aws: Pick<Aws, "env">,
  { directory, pools }: { directory: string; pools: ChainOptions["pools"] },
): Promise<AwsChain> {
  const [stack, port] = await Promise.all([makeCertificates("stack"), freePort()]);
  const { ca, certificate, key } = stack;
  remember(directory);
  const chain = await startChain({
    ...{ directory, pools },
    manager: { agents: { port, addresses: [address], ca, certificate, reach: "private" } },
    secrets: { certificateKey: key },
    env: aws.env,
  });
  return { chain, stack, port };
}
