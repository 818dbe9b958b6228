/**
 * Where machines may be: the settings' regions, and those that left the settings until nothing is there any more. A note
 * beside the journal remembers them over a restart; losing it loses only what the agents there end by themselves.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod";
import type { ManagerConfig } from "../../../manager-config.ts";
import type { Deps } from "../../deps.ts";
import type { Ms } from "../../world.ts";
import { awsLimits } from "./limits.ts";
import { entriesOf } from "./prices.ts";

const note = z.record(z.string(), z.number());

export interface Regions {
  /** `wanted`: the settings name it. */
  all(): { name: string; wanted: boolean }[];
  /** Nothing is there. */
  empty(name: string): void;
}

const pathOf = (directory: string) => join(directory, "aws-regions.json");

/** @returns region -> when the settings last named it; empty without a note */
export function readRegions(directory: string): Map<string, Ms> {
  try {
    return new Map(Object.entries(note.parse(JSON.parse(readFileSync(pathOf(directory), "utf8")))));
  } catch {
    return new Map();
  }
}

export function makeRegions(config: () => ManagerConfig, { clock, log }: Deps): Regions {
  const { directory } = config().manager;
  const seen = readRegions(directory);
  const wantedNow = () => new Set(entriesOf(config()).map(({ region }) => region));
  let written = "";
  const save = () => {
    const names = JSON.stringify([...seen.keys()].sort());
    if (names === written) return;
    try {
      writeFileSync(pathOf(directory), JSON.stringify(Object.fromEntries(seen)), { mode: 0o600 });
      written = names;
    } catch (error) {
      log.warn({ err: error }, "aws: the regions of this stack cannot be noted down");
    }
  };
  return {
    all: () => {
      const wanted = wantedNow();
      for (const name of wanted) seen.set(name, clock.now());
      save();
      return [...seen.keys()].sort().map((name) => ({ name, wanted: wanted.has(name) }));
    },
    empty: (name) => {
      const lastMs = seen.get(name);
      if (lastMs === undefined || wantedNow().has(name)) return;
      if (clock.now() - lastMs < awsLimits.regionKeptMs) return;
      seen.delete(name);
      save();
    },
  };
}
