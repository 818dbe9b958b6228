/** How much the servers bear, and for how long they wait. */
export const defaultWebLimits = {
  /** All agents (limits.ts machinesMax) with one connection each, and people. */
  connectionsMax: 2_500,
  /** Of one IP address: an agent has two at most, a browser with some pages a dozen. */
  connectionsPerAddressMax: 64,
  /**
   * Attempts to enrol that were refused: of one address over TCP; of one machine id over the socket of this computer, where there
   * is no address. Who is who it says does not count, for a fleet may come from one address, nor what fails on our side.
   */
  enrolments: { count: 5, perMs: 60_000 },
  /** Of the same, attempts that are not decided yet: so many more can be refused before it is noticed. */
  enrolmentsUnderWayMax: 16,
  /** Agents' calls of one address over TCP, before a body is read; an agent makes ten a second at its busiest. */
  callsPerAddress: { count: 300, perMs: 10_000 },
  /** Syncs with one session, over either. */
  syncsPerSession: { count: 300, perMs: 10_000 },
  /** TLS: handshakes under way, of all and of one address, and how long each may take. A handshake takes some milliseconds. */
  handshakesMax: 200,
  handshakesPerAddressMax: 16,
  handshakeMs: 5_000,
  /** New connections of one address over TLS: a boot makes three, an agent that is busy two a minute. */
  connectsPerAddress: { count: 100, perMs: 10_000 },
  /** Bundles that are being fetched: each is in memory until then, some hundred KB, and the smallest manager has 512 MB. */
  bundles: { max: 32, perCallerMax: 8, ms: 60_000 },
  /** Reports of boots that failed: of one address, and of all, for the log is for other things too. */
  reportsPerAddress: { count: 6, perMs: 60_000 },
  reports: { count: 60, perMs: 60_000 },
  /** Slow senders are cut off: for the head ... */
  headersTimeoutMs: 5_000,
  /** ... and for the whole request. */
  requestTimeoutMs: 15_000,
  /** How often Node looks for them; its default of 30 s would make the two above mean 30 s. */
  checkingMs: 1_000,
  /** Open pages and other listeners of /events. */
  listenersMax: 32,
  /** At most two events a second for each listener. */
  eventMsMin: 500,
  /** While jobs are under way their figures grow without any news. */
  eventMsMax: 2_000,
  heartbeatMs: 15_000,
  /** Answers under way get so long when the server closes. */
  closeMs: 1_000,
};
export type WebLimits = typeof defaultWebLimits;
