/** A simulator that ends with the test. */
import { onTestFinished } from "vitest";
import { virtualClock } from "../../simulation/clock.ts";
import type { GitHubOptions } from "../options.ts";
import { startGitHub, type GitHubSimulator } from "../server.ts";
import { Client } from "./client.ts";

export async function start(options: GitHubOptions = {}): Promise<GitHubSimulator> {
  const github = await startGitHub(options);
  onTestFinished(() => github.stop());
  return github;
}

/** With a scale set `pool` of the labels and an open session. */
export async function startWithSet(options: GitHubOptions = {}, labels = ["self-hosted", "linux"]) {
  const github = await start(options);
  const client = await new Client(github).login();
  await client.createSet("pool", labels);
  await client.open();
  return { github, client };
}

/** The same in virtual time. A request must have arrived before time is advanced over what it waits for. */
export async function startVirtual(options: GitHubOptions = {}) {
  const clock = virtualClock();
  return { clock, ...(await startWithSet({ ...options, clock })) };
}
