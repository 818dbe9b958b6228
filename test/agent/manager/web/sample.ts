/** A state with a bit of everything, for pages and streams. */
import type { Gpu } from "../../../../agent/protocol.ts";
import {
  steps,
  type ConnectView,
  type JobView,
  type MachineView,
  type ManagerState,
} from "../../../../agent/manager/view.ts";

const second = 1_000;

export interface SampleOptions {
  now?: number;
  /** Put in for every string that comes from GitHub or an agent. */
  text?: string;
}

export function sampleState({ now = 1_800_000_000_000, text }: SampleOptions = {}): ManagerState {
  const said = (otherwise: string) => text ?? otherwise;
  const ago = (seconds: number) => now - seconds * second;
  const job = (id: string, offsets: readonly (number | null)[], over: Partial<JobView> = {}): JobView => {
    const queued = offsets[0] ?? 0;
    const running = offsets[6];
    return {
      id,
      name: said("build"),
      pool: "arm64",
      repository: said("acme/widgets"),
      workflowRef: said("acme/widgets/.github/workflows/ci.yml@refs/heads/main"),
      workflowRun: 4711,
      state: offsets[7] != null ? "completed" : running != null ? "running" : "assigned",
      result: offsets[7] != null ? said("succeeded") : null,
      machine: running != null ? said("arm64-1f3a") : null,
      timeline: steps.map((step, index) => ({
        step,
        atMs: offsets[index] == null ? null : ago(offsets[index]),
      })),
      waitMs: ((queued ?? 0) - (running ?? 0)) * second,
      waitsFor: "",
      ...over,
    };
  };
  const machine = (
    id: string,
    stage: MachineView["stage"],
    over: Partial<MachineView> = {},
  ): MachineView => ({
    id: said(id),
    pool: "arm64",
    backend: "local",
    offer: "local",
    stage,
    stageMs: ago(41),
    askedMs: ago(52),
    job: null,
    life: 1,
    runner: said(id),
    problem: null,
    usage: {
      cpuPercent: 63.2,
      memoryUsedMb: 3_412,
      memoryTotalMb: 7_900,
      diskFreeMb: 61_000,
      diskTotalMb: 100_000,
    },
    gpus: [],
    gpuLabels: [],
    connect: [reading("api", 23), reading("broker", 24)],
    seenMs: ago(4),
    ...over,
  });
  const reading = (is: ConnectView["is"], ms: number | null): ConnectView => ({
    is,
    host: said(`${is}.github.example`),
    ms,
    proxy: null,
    problem: ms === null ? said("the connection was refused") : null,
    warning:
      ms !== null && ms <= 100
        ? null
        : said(`${is}.github.example ${ms} ms, more than the 100 ms that jobs want`),
  });
  const gpu = (over: Partial<Gpu> = {}): Gpu => ({
    vendor: "nvidia",
    model: said("NVIDIA T4G"),
    driver: said("595.71.05"),
    health: "ok",
    problem: null,
    memoryMb: 15_360,
    memoryUsedMb: 3_811,
    utilizationPercent: 71,
    temperatureC: 60,
    ...over,
  });
  return {
    stack: { project: "muster", name: "dev" },
    atMs: now,
    startedMs: ago(7_260),
    configHash: "5b0e6f2a90c1".padEnd(64, "0"),
    managerBundle: "c44f1b27d8aa".padEnd(64, "0"),
    draining: false,
    healthy: true,
    problem: null,
    connect: [reading("api", 12), reading("broker", 112)],
    credential: null,
    pools: [
      {
        name: "arm64",
        labels: ["self-hosted", "linux", "ARM64"],
        max: 12,
        minIdle: 1,
        reuse: false,
        gpu: null,
        warnings: [],
        waiting: 3,
        available: 0,
        running: 3,
        capacity: 12,
        machines: { busy: 3, listening: 1, enrolled: 1, starting: 1, asked: 1, done: 1 },
        reasons: [],
        refused: [],
        github: { is: "fresh", atMs: ago(1), why: null },
        source: { is: "scale-sets", why: null },
        waits: { jobs: 132, medianMs: 1_240, p95Ms: 9_800, maxMs: 41_000 },
      },
      {
        name: "gpu",
        labels: ["self-hosted", "linux", "gpu-arm64"],
        max: 2,
        minIdle: 0,
        reuse: true,
        gpu: "nvidia",
        warnings: [said("Its label gpu promises what it has not.")],
        waiting: 2,
        available: 4,
        running: 2,
        capacity: 2,
        machines: { busy: 1, lost: 1 },
        reasons: [
          {
            reason: "max",
            jobs: 6,
            detail: said("The pool gpu is at its max of 2 machines; a larger max would start more at once."),
          },
        ],
        source: { is: "scale-sets", why: null },
        refused: [],
        github: { is: "stale", atMs: ago(190), why: said("502 Bad Gateway") },
      },
    ],
    machines: [
      machine("arm64-1f3a", "busy", { job: said("test (ubuntu, 24)") }),
      machine("arm64-77c0", "busy", { job: said("lint") }),
      machine("arm64-b810", "busy", { job: said("types"), problem: said("disk: 4 GB free of 100 GB") }),
      machine("arm64-02de", "listening"),
      machine("arm64-5e91", "enrolled", { life: 0, runner: null }),
      machine("arm64-c3b7", "starting", {
        life: 0,
        runner: null,
        usage: null,
        seenMs: null,
        stageMs: ago(2.4),
      }),
      machine("arm64-d904", "asked", { life: 0, runner: null, usage: null, seenMs: null, stageMs: ago(0.3) }),
      machine("arm64-a001", "done", { stageMs: ago(6) }),
      machine("gpu-9a1c", "busy", {
        pool: "gpu",
        job: said("train"),
        life: 3,
        gpus: [gpu(), gpu({ health: "failed", problem: said("nvidia-smi says: [GPU requires reset]") })],
        gpuLabels: ["gpu", "nvidia", "t4g"],
        connect: [reading("api", 31), reading("broker", 151)],
      }),
      machine("gpu-40ff", "lost", {
        pool: "gpu",
        problem: said("the backend no longer lists it"),
        usage: null,
      }),
    ],
    jobs: [
      job("j9", [11, 10.6, null, null, null, null, null, null], {
        name: said("release / package for a platform with a rather long name (arm64, musl, static)"),
        waitsFor: "machine arm64-c3b7 is booting (2 s)",
      }),
      job("j8", [9, 8.8, null, null, null, null, null, null], {
        name: said("docs"),
        waitsFor: "machine arm64-d904 was asked for (0 s)",
      }),
      job("j7", [95, null, null, null, null, null, null, null], {
        name: said("train"),
        pool: "gpu",
        state: "queued",
        waitsFor: "The pool gpu is at its max of 2 machines; a larger max would start more at once.",
      }),
      job("j6", [52, 51.6, 51.5, 50.4, 46.1, 45.8, 44.2, null], { name: said("test (ubuntu, 24)") }),
      job("j5", [50, 49.7, 49.6, 48.2, 44.0, 43.7, 42.3, null], { name: said("lint") }),
      job("j4", [31, 30.9, 400, 399, 395, 30.6, 30.1, null], { name: said("types") }),
      job("j3", [140, 139.6, 139.5, 138.1, 134.4, 134.0, 132.9, 61.2], { name: said("build") }),
      job("j2", [150, 149.8, 149.7, 148.3, 144.1, 143.9, 142.4, 101.2], {
        name: said("test (ubuntu, 22)"),
        result: said("failed"),
      }),
      job("j1", [420, 419.6, 419.5, 418.1, 414.4, 414.0, 412.9, 402], {
        name: said("changes"),
        result: said("canceled"),
      }),
      job("j0", [3600, 3599, null, null, null, null, null, 3500], {
        name: said("never ran"),
        result: said("canceled"),
        waitMs: null,
      }),
    ],
  };
}
