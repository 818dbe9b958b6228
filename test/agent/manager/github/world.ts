/** The simulator with the manager's GitHub side listening to it. */
import type { GitHubOptions, Style } from "../../../github/options.ts";
import type { GitHubSimulator } from "../../../github/server.ts";
import { ScriptedRunner } from "../../../github/testing/scripted-runner.ts";
import { start } from "../../../github/testing/start.ts";
import { harness, type Harness, type Options, signal } from "./harness.ts";

export const labels = ["self-hosted", "linux"];
/** Runs of plain jobs. */
export const jobs = (count: number, wanted = labels) =>
  Array.from({ length: count }, (_, index) => ({ labels: wanted, name: `job ${index}` }));

export type World = Harness & { sim: GitHubSimulator };
/** A simulator and a started manager side for its first repository. */
export async function world(simulator: GitHubOptions, options: Options = {}): Promise<World> {
  const sim = await start(simulator);
  const made = harness({ url: sim.repositoryUrl, secrets: { githubToken: sim.token }, ...options });
  made.github.start(made.config);
  return { ...made, sim };
}
/** A runner for each, until every job has run. */
export async function serve({ github }: World, count: number, from = 0): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const { jitConfig } = await github.mint("a", `runner-${from + index}`, signal());
      await new ScriptedRunner(jitConfig).serveOne();
    }),
  );
}
/** Ids of the jobs that were told as this. */
export const of = ({ news }: World, is: string) => [
  ...new Set(news().flatMap((item) => (item.is === is ? [item.id] : []))),
];

export const styles: Style[] = ["github.com", "ghes"];
