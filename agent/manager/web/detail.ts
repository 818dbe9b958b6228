/** What machines and the manager say of themselves in detail, made fit for people. */
import { connectMsMax, connectSentence, type ConnectTime } from "../../connect-time.ts";
import { githubHosts, type GitHubHost, type Gpu } from "../../protocol.ts";
import type { ConnectView } from "../view.ts";
import { visible, visibleOrNull } from "./visible.ts";

/** By GitHub's hosts, those that were measured. */
export type ConnectTimes = Readonly<{ [host in GitHubHost]?: ConnectTime | undefined }>;

export const gpuView = (gpu: Gpu): Gpu => ({
  ...gpu,
  model: visible(gpu.model),
  driver: visibleOrNull(gpu.driver),
  problem: visibleOrNull(gpu.problem),
});

export function connectViews(times: ConnectTimes): ConnectView[] {
  return githubHosts.flatMap((is) => {
    const time = times[is];
    if (!time) return [];
    const shown = {
      host: visible(time.host),
      ms: time.ms,
      proxy: visibleOrNull(time.proxy),
      problem: visibleOrNull(time.problem),
    };
    const well = time.ms !== null && time.ms <= connectMsMax;
    return [{ is, ...shown, warning: well ? null : connectSentence(shown) }];
  });
}
