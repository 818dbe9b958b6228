/** Introduces this machine to its manager. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { protocolVersion, type EnrollResponse, type Gpu, type LaunchFile } from "../protocol.ts";
import type { Deps } from "./deps.ts";
import { messageOf, Refused, Unanswered } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { Manager } from "./manager.ts";
import { makePauses } from "./pauses.ts";
import { hostFacts } from "./usage.ts";

/**
 * Tries until a manager answers; a machine that powers off gives up after `limits.deadManMs`.
 *
 * @param program the agent's own file: the manager is told its SHA-256
 * @param gpus what is known of this machine's graphics processors
 * @throws Refused, the signal's reason, or an error when no manager answered in time
 */
export async function enroll(
  launch: LaunchFile,
  manager: Manager,
  program: string,
  gpus: readonly Gpu[],
  signal: AbortSignal,
  limits: Limits,
  deps: Deps,
): Promise<EnrollResponse> {
  const request = {
    protocol: protocolVersion,
    machine: launch.machine,
    // One of the two proves who it is.
    ...(launch.document === undefined
      ? { token: launch.token }
      : { document: await readFile(launch.document, "utf8") }),
    agent: createHash("sha256")
      .update(await readFile(program))
      .digest("hex"),
    host: { ...(await hostFacts(launch.directory)), gpus: [...gpus] },
  };
  const pauses = makePauses(limits, deps.random);
  const startMs = deps.clock.now();
  for (let failures = 0; ; failures++) {
    try {
      const enrolled = await manager.enroll(request, signal);
      deps.log("enrolled", { pool: enrolled.pool, runner: enrolled.runner.version });
      return enrolled;
    } catch (error) {
      if (error instanceof Refused) throw error;
      signal.throwIfAborted();
      if (failures === 0) deps.log("enrol-failed", { why: messageOf(error) });
      if (launch.end === "power-off" && deps.clock.now() - startMs >= limits.deadManMs) {
        throw new Error(`no manager within ${limits.deadManMs / 1_000} s`, { cause: error });
      }
      await deps.clock.sleep(pauses.next(error instanceof Unanswered ? error.retryAfterMs : 0), signal);
      signal.throwIfAborted();
    }
  }
}
