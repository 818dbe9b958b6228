/**
 * The end of an instance's console, as EC2 keeps it: base64, the last 64 KB, for about an hour after the end. The newest text
 * is to be had of Nitro instances alone; of others what EC2 took down some time after the last boot.
 * https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html
 */
import type { MachineId } from "../../world.ts";
import { CallFailed, type Calls } from "./calls.ts";
import { awsLimits } from "./limits.ts";

/** @returns at most `awsLimits.consoleBytes`; empty where EC2 has nothing. @throws CallFailed */
export async function consoleOf(
  region: string,
  id: MachineId,
  calls: Calls,
  signal: AbortSignal,
): Promise<string> {
  const ask = async (latest: boolean) => {
    const call = { region, action: "GetConsoleOutput", kind: "read" } as const;
    const input = { InstanceId: id, ...(latest && { Latest: true }) };
    const { Output = "" } = await calls.make(call, signal, (ec2, heeded) =>
      ec2.getConsoleOutput(input, heeded),
    );
    return Buffer.from(Output, "base64").subarray(-awsLimits.consoleBytes).toString("utf8");
  };
  try {
    return await ask(true);
  } catch (error) {
    if (!(error instanceof CallFailed) || !notNitro.has(error.code)) throw error;
    return ask(false);
  }
}

/** With these EC2 refuses `Latest` of an instance that cannot tell. */
const notNitro: ReadonlySet<string> = new Set([
  "UnsupportedOperation",
  "InvalidParameterCombination",
  "InvalidParameterValue",
]);
