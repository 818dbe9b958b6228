/** The bucket that the settings name, as they are now. */
import type { ManagerConfig } from "../../manager-config.ts";
import { keysOf } from "../backends/aws/sdk.ts";
import type { Deps } from "../deps.ts";
import { makeBucket } from "./bucket.ts";
import type { MirrorOptions } from "./mirror.ts";

/** @param endpoint AWS's SDKs have a variable of that meaning */
export function mirrorBucket(
  config: () => ManagerConfig,
  deps: Pick<Deps, "clock" | "fetch">,
  endpoint = process.env["AWS_ENDPOINT_URL"],
): MirrorOptions["bucket"] {
  let made: { of: string; home: NonNullable<ReturnType<MirrorOptions["bucket"]>> } | null = null;
  return () => {
    const { mirror } = config().manager;
    if (mirror === undefined) return null;
    const of = JSON.stringify(mirror);
    if (made?.of !== of) {
      const { bucket: name, region, prefix } = mirror;
      const bucket = makeBucket({ name, region, keys: keysOf(region), endpoint }, deps);
      made = { of, home: { bucket, prefix } };
    }
    return made.home;
  };
}
