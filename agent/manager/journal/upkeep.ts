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
    try {
      outcome = journal.reserve();
    } catch (error) {
      if (!tight) log.warn({ err: error }, "the journal could not be given room of its own");
    }
    if (outcome === "later" && !tight)
      log.warn({ bytes: limits.journalBytes }, "the disk has too little room to keep some for the journal");
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
