/** Whether user data fits into EC2 with what the settings put in, before the address and the CA of the stack are known. */
import { managerUserData } from "../../cloud-init/manager.ts";
import { runnerUserDataBytesMax, userDataBytesMax } from "../../cloud-init/runner.ts";
import type { Reader } from "../reader.ts";
import type { AwsSettings } from "./settings.ts";
import { metadataServer } from "./urls.ts";

type Given = Pick<AwsSettings, "proxy" | "extraCa" | "namePrefix">;

/** As long as each can be; the names of a pool and a bucket have limits of their own. */
const longest = { pool: 32, name: 63, reach: "h".repeat(253) + ":65535" };

const manager = ({ proxy, extraCa, namePrefix }: Given) =>
  managerUserData({
    stack: { project: "p".repeat(longest.name), name: "s".repeat(longest.name) },
    region: "ap-southeast-99",
    bucket: "b".repeat(longest.name),
    parameterPrefix: `/${namePrefix}`,
    logGroup: `${namePrefix}-manager`,
    volume: "vol-0123456789abcdef0",
    node: {
      url: `https://registry.example/${"n".repeat(128)}`,
      integrity: `sha512-${"A".repeat(86)}==`,
      key: "k".repeat(192),
    },
    proxy,
    extraCa,
  });

const problemOf = (given: Given): string | null => {
  try {
    const runner = {
      pool: "p".repeat(longest.pool),
      end: "power-off" as const,
      ...given,
      reach: [longest.reach, metadataServer],
    };
    const bytes = runnerUserDataBytesMax(runner);
    if (bytes > userDataBytesMax)
      return `the user data of machines would have ${bytes} bytes, more than the ${userDataBytesMax} of EC2`;
    manager(given);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
};

/** Refuses what would fail only in the middle of `up`, under the setting that takes the most room. */
export const checkUserData = (given: Given, reader: Pick<Reader, "refuse">): void => {
  const problem = problemOf(given);
  if (problem === null) return;
  const { extraCa, proxy } = given;
  const long = extraCa !== null ? (["aws", "extraCa"] as const) : (["aws", "noProxy"] as const);
  reader.refuse(
    long,
    extraCa ?? proxy?.noProxy,
    `${problem}; allowed is less: fewer certificates, or fewer and shorter hosts`,
  );
};
