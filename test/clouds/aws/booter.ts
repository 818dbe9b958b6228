/**
 * Plays EC2's hosts for the instances that moto has: each one that is there is booted once, on this computer, with its own user
 * data, address and metadata; one that powers off is told to AWS; one that AWS ends is switched off. A rule may decide that an
 * instance never boots or boots late, and one may die.
 */
import {
  DescribeInstanceAttributeCommand,
  DescribeInstancesCommand,
  EC2Client,
  type Instance,
} from "@aws-sdk/client-ec2";
import type { Aws } from "./aws.ts";
import { startInstance, type InstanceOptions, type RunningInstance } from "./instance.ts";

/** `never`: AWS says that it runs, and nothing does. `mute`: it boots, and its agent reaches nobody. */
export type Fate = "boots" | "never" | "mute" | { afterMs: number };

export interface BooterOptions extends Omit<InstanceOptions, "instance" | "userData" | "mute"> {
  aws: Pick<Aws, "url" | "powerOff">;
  region: string;
  /** Between two looks at AWS. */
  lookMs?: number;
}

export type BooterEvent = { id: string; what: "boots" | "powered off" | "switched off" | "died" };

export interface Booter {
  /** Decides for instances that are seen from now on; those without user data never boot. */
  rule(decide: (instance: Instance) => Fate): void;
  /** One that somebody else has booted: AWS's word ends it, too. */
  adopt(id: string, machine: RunningInstance): void;
  /** Ids of those that run here now. */
  running(): string[];
  /** What happened to whom, in order. */
  readonly events: readonly BooterEvent[];
  /** Switched off as if the host had lost its power: AWS goes on calling it running. */
  die(id: string): Promise<void>;
  /** The last lines of what each machine said, for a test that failed. */
  said(): string;
  /** Ends every machine. */
  stop(): Promise<void>;
}

export const startBooter = ({ aws, region, lookMs = 250, ...options }: BooterOptions): Booter => {
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const ec2 = new EC2Client({ region, endpoint: aws.url, credentials });
  const over = new AbortController();
  const known = new Map<string, { off: boolean; machine: Promise<RunningInstance | null> }>();
  const events: BooterEvent[] = [];
  const logs = new Map<string, () => string>();
  let decide: (instance: Instance) => Fate = () => "boots";

  const userDataOf = async (id: string): Promise<string> => {
    const ask = new DescribeInstanceAttributeCommand({ InstanceId: id, Attribute: "userData" });
    const { UserData } = await ec2.send(ask);
    return Buffer.from(UserData?.Value ?? "", "base64").toString();
  };

  const boot = async (instance: Instance, fate: Fate): Promise<RunningInstance | null> => {
    const id = instance.InstanceId!;
    if (typeof fate === "object") await waited(fate.afterMs, over.signal);
    const userData = await userDataOf(id);
    if (fate === "never" || userData === "" || known.get(id)!.off) return null;
    events.push({ id, what: "boots" });
    const machine = await startInstance({ ...options, instance, userData, mute: fate === "mute" });
    logs.set(id, machine.said);
    void machine.off.then(async (byItself) => {
      if (!byItself || over.signal.aborted) return;
      known.get(id)!.off = true;
      events.push({ id, what: "powered off" });
      await machine.stop();
      await aws.powerOff(id);
    });
    return machine;
  };

  const switchOff = async (id: string, what: "switched off" | "died") => {
    const entry = known.get(id);
    if (!entry || entry.off) return;
    entry.off = true;
    const machine = await entry.machine;
    if (!machine) return;
    events.push({ id, what });
    await machine.stop();
  };

  const look = async () => {
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({}));
    for (const said of logs.values()) said();
    for (const instance of Reservations.flatMap(({ Instances = [] }) => Instances)) {
      const id = instance.InstanceId!;
      const runs = ["pending", "running"].includes(instance.State?.Name ?? "");
      if (runs && !known.has(id)) {
        const entry = { off: false, machine: Promise.resolve<RunningInstance | null>(null) };
        known.set(id, entry);
        entry.machine = boot(instance, decide(instance)).catch((error: unknown) => {
          logs.set(id, () => String(error));
          return null;
        });
      }
      if (!runs) void switchOff(id, "switched off");
    }
  };
  const watching = (async () => {
    while (!over.signal.aborted) {
      // AWS may be told not to answer.
      await look().catch(() => {});
      await waited(lookMs, over.signal);
    }
  })();

  return {
    events,
    rule: (next) => void (decide = next),
    adopt: (id, machine) => void known.set(id, { off: false, machine: Promise.resolve(machine) }),
    running: () => [...known].filter(([, { off }]) => !off).map(([id]) => id),
    die: (id) => switchOff(id, "died"),
    said: () => [...logs].map(([id, said]) => `${id}: ${said()}`).join("\n---\n"),
    stop: async () => {
      over.abort();
      await watching;
      for (const entry of known.values()) {
        entry.off = true;
        await (await entry.machine)?.stop();
      }
      ec2.destroy();
    },
  };
};

const waited = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
