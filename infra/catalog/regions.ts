/** Regions and prices of AWS that belong to no machine type: data alone. */

/**
 * Zones that every account has. The letters mean other buildings in other accounts. us-east-1e is left out: it lacks the
 * newer types. Regions whose letters differ by account are not here; their zones are given in the settings.
 */
export const zones: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries({
    "us-east-1": "abcdf",
    "us-east-2": "abc",
    "us-west-2": "abcd",
    "ca-central-1": "abd",
    "sa-east-1": "abc",
    "eu-central-1": "abc",
    "eu-central-2": "abc",
    "eu-north-1": "abc",
    "eu-south-1": "abc",
    "eu-south-2": "abc",
    "eu-west-1": "abc",
    "eu-west-2": "abc",
    "eu-west-3": "abc",
    "ap-northeast-1": "acd",
    "ap-south-1": "abc",
    "ap-southeast-1": "abc",
    "ap-southeast-2": "abc",
  }).map(([region, letters]) => [region, [...letters].map((letter) => `${region}${letter}`)]),
);

/** Millionths of USD. */
export interface RegionPrices {
  /** A gigabyte of gp3 for a month. */
  gp3GbMonth: number;
  /** A MiB/s of gp3 above 125, and one IOPS above 3,000, for a month. */
  gp3ThroughputMonth: number;
  gp3IopsMonth: number;
  /** A public IPv4 address for an hour. */
  ipv4Hour: number;
  /** A NAT gateway for an hour, without what goes through it. */
  natHour: number;
  /** A CloudWatch alarm for a month. */
  alarmMonth: number;
}

/** As of April to July 2026. gp3 above its base and NAT in eu-central-1 are not confirmed. */
export const regionPrices: Readonly<Record<string, RegionPrices>> = {
  "us-east-1": {
    gp3GbMonth: 80_000,
    gp3ThroughputMonth: 40_000,
    gp3IopsMonth: 5_000,
    ipv4Hour: 5_000,
    natHour: 45_000,
    alarmMonth: 100_000,
  },
  "eu-central-1": {
    gp3GbMonth: 95_200,
    gp3ThroughputMonth: 47_600,
    gp3IopsMonth: 5_950,
    ipv4Hour: 5_000,
    natHour: 52_000,
    alarmMonth: 100_000,
  },
};

/** What gp3 brings without extra charge. */
export const gp3Base = { throughput: 125, iops: 3_000 } as const;

/** USD for one EUR in November 2026. AWS's prices are in USD; a budget may be in EUR. */
export const usdPerEur = 1.16;
