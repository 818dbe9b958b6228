/** Every number that the EC2 backend goes by, with its reason. */
const second = 1_000;
const minute = 60 * second;

export const awsLimits = {
  /** Types x subnets in one call: a fleet that may choose from so many pools seldom finds none. */
  overridesMax: 60,
  /** The largest page that DescribeInstances gives. */
  pageSize: 1_000,
  connectTimeoutMs: 5 * second,
  /** Of one HTTP call. Above an instant fleet's own time: whoever hangs up sooner has a launch in doubt. */
  callTimeoutMs: { read: 20 * second, launch: 55 * second, end: 30 * second },
  /**
   * Calls per region. EC2 gives an account 100 reading calls and 20 more a second, and 50 changing ones and 5 more a second
   * (docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html); somebody else works in the account too.
   */
  calls: {
    reading: { most: 50, perSecond: 10 },
    changing: { most: 25, perSecond: 2.5 },
  },
  /** Spot prices move slowly since 2017, and each question costs a call per region. */
  pricePeriodMs: 60 * minute,
  /** Prices that could not be read anew for so long are not believed any more. */
  priceKeptMs: 150 * minute,
  /** EC2 is asked so often which hosts are broken, and one is believed to be after so long: checks also fail for a moment. */
  healthPeriodMs: 60 * second,
  brokenMs: 120 * second,
  /** Of a console EC2 keeps 64 KB; a boot says why it failed in its last lines. */
  consoleBytes: 8 * 1024,
  /** A region that left the settings is listed for so long: a launch that was out may still land. */
  regionKeptMs: 15 * minute,
} as const;
export type AwsLimits = typeof awsLimits;
