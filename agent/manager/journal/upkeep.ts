/** What the journal needs beside the loop: its heartbeat, and its room on the disk in steps that hold nobody up. */
import type { Deps } from "../deps.ts";
import type { Journal } from "../journal.ts";
import type { Limits } from "../limits.ts";

/** @returns stops both */
export function keepUp(
  journal: Pick<Journal, "heartbeat" | "reserve">,
  limits: Limits,
  deps: Deps,
): () => void {
  const { clock, log } = deps;
  let [cancelBeat, cancelReserve] = [() => {}, () => {}];
  let tight = false;
  const beat = () => {
    try {
      journal.heartbeat(clock.now());
    } catch (error) {
      log.error({ err: error }, "the journal's heartbeat cannot be written");
    }
    cancelBeat = clock.after(limits.heartbeatMs, beat);
  };
  const reserve = () => {
    let outcome: ReturnType<Journal["reserve"]> = "later";
    let why: unknown = "the disk has too little to spare";
    try {
      outcome = journal.reserve();
    } catch (error) {
      why = error;
    }
    if (outcome === "later" && !tight)
      log.warn({ err: why, bytes: limits.journalBytes }, "the journal gets no room of its own for now");
    tight = outcome === "later";
    cancelReserve = clock.after(outcome === "more" ? limits.reserveStepMs : limits.reservePeriodMs, reserve);
  };
  beat();
  cancelReserve = clock.after(limits.reserveFirstMs, reserve);
  return () => {
    cancelBeat();
    cancelReserve();
  };
}
