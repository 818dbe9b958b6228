/** What the manager can do; act.ts does it. */
import type { LaunchId, MachineId, MicrosPerHour, PoolName, Reason } from "../world.ts";

/** `key` names the action: one with the same key is never under way twice. */
export type Action = { key: string } & (
  | { do: "destroy"; backend: string; machines: readonly MachineId[] }
  | { do: "end"; machine: MachineId; why: string; failedBoot: boolean; reason?: Reason }
  | { do: "remove-runner"; machine: MachineId; pool: PoolName; runner: { id: number | null; name: string } }
  | { do: "retire"; machine: MachineId; pool: PoolName; runner: { id: number | null; name: string } }
  | { do: "mint"; machine: MachineId; pool: PoolName; life: number; name: string }
  | { do: "repeat-launch"; launch: LaunchId }
  /** `pool`: one of those whose jobs were lost, for reasons. */
  | { do: "rerun"; repository: string; run: number; pool: PoolName }
  | {
      do: "launch";
      pool: PoolName;
      backend: string;
      offer: string;
      count: number;
      priceMicros: MicrosPerHour;
      /** Which machines that always exist; absent where machines are made. */
      slots?: readonly MachineId[];
    }
);
