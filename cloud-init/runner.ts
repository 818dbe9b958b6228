/** User data of runner machines: constant, secret-free, the same bytes for the same arguments. */

/** How a machine ends (DESIGN: only user data of elastic cloud machines may say power-off). */
export type MachineEnd = "power-off" | "clean-slot";

export interface RunnerUserData {
  /** `https://ADDRESS:PORT`, tried in turn. */
  managers: readonly string[];
  /** PEM, one certificate or more (two while the CA is exchanged): nobody else is believed to be the manager. */
  ca: string;
  /** Name of the pool. */
  pool: string;
  end: MachineEnd;
  /** On the way to everything but the managers. */
  proxy?: { url: string; noProxy: readonly string[] } | null;
  /** PEM; what the machine trusts besides, for a proxy or a GitHub Enterprise Server. */
  extraCa?: string | null;
  /** `HOST:PORT` that jobs may reach although it is private: a GitHub Enterprise Server. The proxy is among them. */
  reach?: readonly string[];
}

/** EC2's limit before base64, in bytes. */
export const userDataBytesMax = 16 * 1024;

/** The document, to be handed over as base64. @throws RangeError when a value cannot stand in a shell script */
export function runnerUserData(data: RunnerUserData): string {
  return `#cloud-boothook\n#!/bin/sh\n# ${data.pool}\n`;
}

/** What is not known before the first `up`. */
export type Unknown = "managers" | "ca";

/**
 * Bytes of the document when what is not known yet takes the most room that it can: for settings, which must refuse a
 * document over {@link userDataBytesMax} before anything is made.
 *
 * @param managers addresses that the certificate will have
 */
export function runnerUserDataBytesMax(data: Omit<RunnerUserData, Unknown>, managers = 2): number {
  return Buffer.byteLength(runnerUserData({ ...data, managers: Array(managers).fill(""), ca: "" }));
}
