/**
 * Families of machine types at AWS: data alone.
 *
 * Prices: on demand, Linux, USD per hour. us-east-1 is AWS's price list of 2026-07-20. For eu-central-1 only single
 * types were at hand (c7g, c8g, g4dn, g5g, g6, t4g); the others of a family cost the same multiple of us-east-1, since
 * AWS's prices grow with the size. The multiples of the m and x64 families are not confirmed by a listed price and are
 * rounded up. Network: the baseline that a machine always has, not the "up to" of a burst.
 */
import type { GpuVendor } from "../../agent/protocol.ts";

/** Day of the prices in us-east-1; those of eu-central-1 are of about the same time. */
export const pricesAsOf = "2026-07-20";

export interface Size {
  name: string;
  cores: number;
  memoryMb: number;
  /** Megabits per second. */
  networkMbit: number;
  /** Millionths of USD per hour, on demand, us-east-1. */
  micros: number;
  gpus: number;
}

export interface Family {
  name: string;
  arch: "arm64" | "x64";
  gpu: { vendor: GpuVendor; model: string; memoryMb: number } | null;
  /** What eu-central-1 costs of us-east-1's price. */
  frankfurt: number;
  sizes: readonly Size[];
}

const gb = 1_024;

/** Sizes from 2 to 64 cores, whose price, memory and network grow with the cores. */
const even = (perCore: { memoryGb: number; networkMbit: number; micros: number }): Size[] =>
  [2, 4, 8, 16, 32, 64].map((cores) => ({
    name: cores === 2 ? "large" : cores === 4 ? "xlarge" : `${cores / 4}xlarge`,
    cores,
    memoryMb: cores * perCore.memoryGb * gb,
    networkMbit: Math.floor(cores * perCore.networkMbit),
    micros: cores * perCore.micros,
    gpus: 0,
  }));

/** Megabits per second and core of the families' baseline. */
const newer = 468.75;
const older = 390.625;

const size = (
  name: string,
  cores: number,
  memoryGb: number,
  networkMbit: number,
  micros: number,
  gpus = 1,
): Size => ({ name, cores, memoryMb: memoryGb * gb, networkMbit, micros, gpus });

const t4g: Size[] = [
  size("nano", 2, 0.5, 32, 4_200, 0),
  size("micro", 2, 1, 64, 8_400, 0),
  size("small", 2, 2, 128, 16_800, 0),
  size("medium", 2, 4, 256, 33_600, 0),
  size("large", 2, 8, 512, 67_200, 0),
  size("xlarge", 4, 16, 1_024, 134_400, 0),
  size("2xlarge", 8, 32, 2_048, 268_800, 0),
];

const g5g: Size[] = [
  size("xlarge", 4, 8, 1_250, 420_000),
  size("2xlarge", 8, 16, 2_500, 556_000),
  size("4xlarge", 16, 32, 5_000, 828_000),
  size("8xlarge", 32, 64, 12_000, 1_372_000),
  size("16xlarge", 64, 128, 25_000, 2_744_000, 2),
];

const g4dn: Size[] = [
  size("xlarge", 4, 16, 5_000, 526_000),
  size("2xlarge", 8, 32, 10_000, 752_000),
  size("4xlarge", 16, 64, 20_000, 1_204_000),
  size("8xlarge", 32, 128, 50_000, 2_176_000),
  size("12xlarge", 48, 192, 50_000, 3_912_000, 4),
  size("16xlarge", 64, 256, 50_000, 4_352_000),
];

const g6: Size[] = [
  size("xlarge", 4, 16, 2_500, 804_800),
  size("2xlarge", 8, 32, 5_000, 977_600),
  size("4xlarge", 16, 64, 10_000, 1_323_200),
  size("8xlarge", 32, 128, 25_000, 2_014_400),
  size("12xlarge", 48, 192, 40_000, 4_601_600, 4),
  size("16xlarge", 64, 256, 25_000, 3_396_800),
  size("24xlarge", 96, 384, 50_000, 6_675_200, 4),
];

const plain = (
  name: string,
  arch: Family["arch"],
  frankfurt: number,
  perCore: Parameters<typeof even>[0],
): Family => ({ name, arch, gpu: null, frankfurt, sizes: even(perCore) });

const nvidia = (model: string, memoryGb: number) => ({
  vendor: "nvidia" as const,
  model,
  memoryMb: memoryGb * gb,
});

export const families: readonly Family[] = [
  plain("c8g", "arm64", 1.138, { memoryGb: 2, networkMbit: newer, micros: 39_880 }),
  plain("c7g", "arm64", 1.138, { memoryGb: 2, networkMbit: newer, micros: 36_250 }),
  plain("m8g", "arm64", 1.2, { memoryGb: 4, networkMbit: newer, micros: 44_880 }),
  plain("m7g", "arm64", 1.2, { memoryGb: 4, networkMbit: newer, micros: 40_800 }),
  plain("c8i", "x64", 1.15, { memoryGb: 2, networkMbit: newer, micros: 46_855 }),
  plain("c7i", "x64", 1.15, { memoryGb: 2, networkMbit: older, micros: 44_625 }),
  plain("c7a", "x64", 1.15, { memoryGb: 2, networkMbit: older, micros: 51_320 }),
  plain("m8i", "x64", 1.2, { memoryGb: 4, networkMbit: newer, micros: 52_920 }),
  plain("m7i", "x64", 1.2, { memoryGb: 4, networkMbit: older, micros: 50_400 }),
  plain("m7a", "x64", 1.2, { memoryGb: 4, networkMbit: older, micros: 57_960 }),
  { name: "t4g", arch: "arm64", gpu: null, frankfurt: 1.143, sizes: t4g },
  { name: "g5g", arch: "arm64", gpu: nvidia("T4G", 16), frankfurt: 1.251, sizes: g5g },
  { name: "g4dn", arch: "x64", gpu: nvidia("T4", 16), frankfurt: 1.251, sizes: g4dn },
  { name: "g6", arch: "x64", gpu: nvidia("L4", 24), frankfurt: 1.251, sizes: g6 },
];
