/** Launch -> listening on this computer, and what an idle manager weighs: real processes, the stand-in runner. */
import { readFileSync } from "node:fs";
import { startChain } from "../../test/chain/chain.ts";
import { median } from "./figures.ts";

export interface BootBench {
  launchToListeningMs: number;
  managerMb: number;
}

export async function benchBoot(rounds = 8): Promise<BootBench> {
  const chain = await startChain({ pools: { small: { labels: ["small"], max: 1 } } });
  try {
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const { id } = await chain.github.control.dispatchJobs([{ labels: ["small"] }]);
      const { machines } = await chain.until("a runner listens or works", (state) =>
        state.machines.some(({ stage }) => stage === "listening" || stage === "busy"),
      );
      const machine = machines.find(({ stage }) => stage === "listening" || stage === "busy")!;
      times.push(machine.stageMs - machine.askedMs);
      await chain.github.control.wait({ what: "run-completed", run: id }, 30_000);
      await chain.until("it is gone", (state) => state.machines.length === 0);
    }
    const status = readFileSync(`/proc/${chain.pid()}/status`, "utf8");
    const managerMb = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
    return { launchToListeningMs: median(times), managerMb };
  } finally {
    await chain.stop();
  }
}
