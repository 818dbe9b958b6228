/** What an `up` of a stack on AWS left: in Pulumi's state, in the manager's bucket, and at EC2. */
import type { AwsPorts, ManagerMachine } from "../../../../../agent/cli/doctor/aws/ports.ts";
import type { AwsBackend } from "../../../../../agent/manager-config.ts";
import { currentKey, type HostStatus, statusKey } from "../../../../../agent/manager-host.ts";
import { currentObjectOf, type AwsConfigArgs } from "../../../../../infra/aws/config.ts";
import { sweepOptions } from "../../../leaving/world.ts";
import { region, zones } from "./rig.ts";

export const bucket = "muster-dev-manager-1";
export const stack = "muster/dev";
export const wanted = "a".repeat(64);

const machineType = (name: string, cores: number) =>
  ({ name, cores, memoryMb: 8_192, gpus: 0, microsPerHour: 1, currency: "USD" }) as const;

export const backend = (over: Partial<AwsBackend> = {}): AwsBackend => ({
  kind: "aws",
  name: "spot-eu-central-1",
  region,
  market: "spot",
  types: [machineType("c8g.xlarge", 4), machineType("c7g.2xlarge", 8)],
  template: { id: "lt-1", version: 3 },
  subnets: zones.map((zone, index) => ({ id: `subnet-${index + 1}`, zone })),
  besideMicrosPerHour: 0,
  fixed: [],
  ...over,
});

export const addresses = ["10.64.0.10", "203.0.113.7"];

/** The object that the manager watches. */
export const currentText = (
  backends: Readonly<Record<string, AwsBackend[]>>,
  reached: readonly string[] = addresses.slice(0, 1),
): string =>
  JSON.stringify(
    currentObjectOf({
      stack: { project: "muster", name: "dev" },
      github: sweepOptions.github,
      budget: null,
      manager: {
        on: "aws",
        type: machineType("t4g.nano", 2),
        reach: "private",
        caGenerations: [1],
        agentsPort: 7_443,
        port: 7_117,
        drainTimeoutSeconds: 600,
        secretParameters: {},
      },
      pools: Object.fromEntries(
        Object.keys(backends).map((name) => [
          name,
          {
            labels: ["self-hosted", name],
            max: 4,
            minIdle: 0,
            idleTimeoutSeconds: 300,
            maxJobSeconds: 21_600,
            reuse: false,
            gpu: null,
            runnerGroup: "Default",
          } as unknown as AwsConfigArgs["pools"][string],
        ]),
      ),
      made: {
        backends,
        addresses: reached.length > 0 ? [...reached] : ["10.64.0.10"],
        ca: "CA",
        certificate: "CERTIFICATE",
        cacheBucket: "muster-dev-cache-1",
      },
      region: "eu-central-1",
      secrets: {},
      files: { "manager.mjs": wanted, "runner.mjs": "b".repeat(64), "updater.mjs": "c".repeat(64) },
    }),
  );

/** Pulumi's state: the two Commands of leaving, which name bucket and regions. */
export const exported = JSON.stringify({
  deployment: {
    resources: [
      { inputs: { delete: "node x sweep", environment: { MUSTER_LEAVING: JSON.stringify(sweepOptions) } } },
      {
        inputs: {
          delete: "node x drain",
          environment: {
            MUSTER_LEAVING: JSON.stringify({
              stack: sweepOptions.stack,
              regions: { [region]: ["arm64"] },
              home: region,
              bucket,
              timeoutSeconds: 600,
            }),
          },
        },
      },
    ],
  },
});

export const machine: ManagerMachine = {
  id: "i-1",
  state: "running",
  profile: "muster-dev-manager",
  addresses,
};

export const status = (over: Partial<HostStatus> = {}): HostStatus => ({
  at: new Date().toISOString(),
  manager: wanted,
  healthy: true,
  refused: null,
  drain: null,
  problem: null,
  ...over,
});

export interface Left {
  backends?: Readonly<Record<string, AwsBackend[]>>;
  machines?: readonly ManagerMachine[];
  status?: HostStatus | null;
}
/** AWS after an `up`. */
export const afterUp = ({
  backends = { arm64: [backend()] },
  machines = [machine],
  status: said = status(),
}: Left = {}): Pick<AwsPorts, "read" | "managers"> => {
  const objects = new Map([
    [currentKey, currentText(backends)],
    ...(said === null ? [] : [[statusKey, JSON.stringify(said)] as const]),
  ]);
  return {
    read: (from, key, at) =>
      Promise.resolve(from === bucket && at === region ? (objects.get(key) ?? null) : null),
    managers: (at, of) => Promise.resolve(at === region && of === stack ? [...machines] : []),
  };
};
