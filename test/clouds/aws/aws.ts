/**
 * AWS for tests: moto, and before it what moto lacks of EC2. Every service has the one address; state is moto's, what it
 * cannot keep (client tokens, capacity, reasons of ends, health, consoles) is here. No AWS: who signs is not checked.
 */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { motoEnvironment, startMoto, type Moto } from "../moto.ts";
import { makeCapacity, type CapacityCode, type Pool } from "./capacity.ts";
import { makeDoor } from "./door.ts";
import { makeEc2 } from "./ec2.ts";
import { makeFaults, type Bucket, type Fault, type Hold } from "./faults.ts";
import { makeImages } from "./images.ts";
import { makeInstances, type StateReasonCode, type Status } from "./instances.ts";
import type { Call, Form } from "./query.ts";
import { makeTokens } from "./tokens.ts";
import { makeUpstream } from "./upstream.ts";
import { textAt } from "./xml.ts";

export { account, caller } from "./faults.ts";

export interface Aws {
  /** `http://127.0.0.1:PORT`, serves every service and region. */
  url: string;
  /** What an AWS SDK, a plugin or a command needs in its environment to reach it and nothing else. */
  env: Record<string, string>;
  /** What it stands before; a call there is a call that nothing here knows of. */
  moto: Moto;

  /**
   * From now on EC2 has so many instances left where the pool says: `({ type: "c7g.large", zone: "eu-central-1a" }, 2)`. What
   * a pool leaves out it takes together; several that fit must all have some. Whatever no pool names is there without end,
   * and instances that end give nothing back. `code`: why there are no more, default `InsufficientInstanceCapacity`.
   */
  capacity(pool: Pool, left: number, code?: CapacityCode): void;
  /** The caller may not do this action of EC2 any more: `UnauthorizedOperation`. In fleets `RunInstances` fails each pool. */
  deny(action: string): void;
  allow(action: string): void;
  /** Calls of the action fail before they have an effect. */
  fail(action: string, fault: Fault): void;
  /** The action's token bucket; when it is empty, `RequestLimitExceeded`. */
  throttle(action: string, bucket: Bucket): void;
  delay(action: string, ms: number): void;
  /** Calls of the action wait, before they have an effect, until the test lets them go. */
  hold(action: string): Hold;
  /** The next calls of the action are done, and then the connection breaks. */
  loseAnswers(action: string, times?: number): void;
  /** Pages of DescribeInstances have at most so many launches, whatever a call asks for. */
  pageSize(launches: number): void;
  /** Instances launched from now on are missing in so many DescribeInstances of their region, those of ends counted too. */
  lagLists(lists: number): void;
  /** No list shows them until `show`. */
  hide(ids: readonly string[]): void;
  /** Default: all that lists do not show yet. */
  show(ids?: readonly string[]): void;
  /** What `resolve:ssm:PARAMETER` means; null: there is no such parameter. Default: moto's parameters, and those of Canonical and AWS that muster names. */
  setImage(parameter: string, imageId: string | null): void;
  /** What GetConsoleOutput shows; nothing until then. */
  setConsoleOutput(id: string, text: string): void;
  /** What DescribeInstanceStatus says of it while it runs. */
  setStatus(id: string, status: { system?: Status; instance?: Status }): void;

  /** The machine shuts itself down, and stops or is terminated as its template said. */
  powerOff(id: string): Promise<"terminated" | "stopped">;
  /** EC2 takes the spot instance back. @throws Error where it is none */
  interruptSpot(id: string): Promise<void>;
  /** Any other end, with the code of its StateReason. */
  endInstance(id: string, state: "terminated" | "stopped", reason: StateReasonCode): Promise<void>;

  /** How many calls there were of each action: `ec2:CreateFleet`, `ssm:GetParameter`, `s3:PUT` (of S3 the methods). */
  calls(): Record<string, number>;
  /** Calls of an action of EC2 so far: when they came, in milliseconds of `performance.now()`, and their parameters. */
  requests(action: string): readonly { atMs: number; region: string; form: Form }[];
  /** Counts from nothing again. */
  resetCalls(): void;
  /** Forgets everything, also in moto. */
  reset(): Promise<void>;
  /** Stops moto too, unless it was given. */
  close(): Promise<void>;
}

export interface AwsOptions {
  /** One that runs already. */
  moto?: Moto;
  /** Fleets may launch from templates with an instance profile. */
  instanceProfiles?: boolean;
}

/** Resolves when it serves. @throws MotoMissing where moto is not to be had */
export async function startAws({ moto: given, instanceProfiles = false }: AwsOptions = {}): Promise<Aws> {
  const moto = given ?? (await startMoto());
  const upstream = makeUpstream(moto.url);
  const regions = new Set<string>();
  const counts = new Map<string, number>();
  let requests: (Call & { atMs: number })[] = [];
  const [capacity, faults, tokens, images] = [
    makeCapacity(),
    makeFaults(),
    makeTokens(),
    makeImages(upstream),
  ];
  const instances = makeInstances(upstream, regions);
  const ec2 = makeEc2({
    upstream,
    capacity,
    faults,
    tokens,
    images,
    instances,
    instanceProfiles,
    id: randomUUID,
  });
  const server = createServer(
    makeDoor({
      moto: moto.url,
      count: (name) => void counts.set(name, (counts.get(name) ?? 0) + 1),
      ec2: (call) => {
        regions.add(call.region);
        requests.push({ ...call, atMs: performance.now() });
        return ec2(call);
      },
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    url,
    env: motoEnvironment(url),
    moto,
    capacity: (pool, left, code = "InsufficientInstanceCapacity") => capacity.set(pool, left, code),
    deny: faults.deny,
    allow: faults.allow,
    fail: faults.fail,
    throttle: faults.throttle,
    delay: faults.delay,
    hold: faults.hold,
    loseAnswers: (action, times = 1) => faults.loseAnswers(action, times),
    pageSize: instances.pageSize,
    lagLists: instances.lagLists,
    hide: instances.hide,
    show: instances.show,
    setImage: images.set,
    setConsoleOutput: instances.setConsoleOutput,
    setStatus: instances.setStatus,
    powerOff: instances.powerOff,
    interruptSpot: async (id) => {
      const { instance } = await instances.find(id);
      if (textAt(instance, "instanceLifecycle") !== "spot") throw new Error(`${id} is no spot instance`);
      await instances.end(id, "terminated", "Server.SpotInstanceTermination");
    },
    endInstance: instances.end,
    calls: () => Object.fromEntries(counts),
    requests: (action) => requests.filter((one) => one.action === action),
    resetCalls: () => {
      counts.clear();
      requests = [];
    },
    reset: async () => {
      for (const part of [capacity, faults, tokens, images, instances, counts]) part.clear();
      requests = [];
      await moto.reset();
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      if (!given) await moto.stop();
    },
  };
}
