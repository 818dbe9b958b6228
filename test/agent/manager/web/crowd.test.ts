// Goal: one abuser among hundreds of agents is refused cheaply and harms none of them. Method: real sockets, real server,
// real core; what is asserted holds on any machine (nobody honest refused, no instruction lost, memory bounded), what it
// costs in time is printed by `npm run bench -- abuse`.
import { expect, test } from "vitest";
import { crowd } from "./crowd.ts";

test(
  "200 agents and an abuser with 200 slow connections and 4,000 requests",
  { timeout: 90_000 },
  async () => {
    const agents = 200;
    const found = await crowd({ agents, syncs: 5, abuse: { slowConnections: 200, requests: 4_000 } });
    expect(found.refusedHonest).toEqual([]);
    expect(found.instructed).toBe(agents);
    expect(found.slowCutOff, "slow senders beyond its share at once, the others after five seconds").toBe(
      200,
    );
    // 64 connections of one address, 300 calls at once, 5 attempts to enrol: nearly everything is told to come later.
    const { 429: later = 0, 0: closed = 0, 200: served = 0 } = found.abuser;
    expect(served).toBe(0);
    expect(later + closed).toBeGreaterThan(3_000);
    expect(found.heapGrowthMb).toBeLessThan(150);
  },
);
