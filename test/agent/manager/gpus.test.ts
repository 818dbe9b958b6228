// Goal: jobs that need a graphics processor never meet a machine without one, and a broken image stops costing money. Method:
// worlds and facts through the real apply and plan.
import { describe, expect, test } from "vitest";
import { apply } from "../../../agent/manager/apply.ts";
import type { Fact } from "../../../agent/manager/facts.ts";
import { gpuLabels, gpuProblem, labelWarning } from "../../../agent/manager/gpus.ts";
import { defaultLimits as limits } from "../../../agent/manager/limits.ts";
import { plan } from "../../../agent/manager/plan.ts";
import type { World } from "../../../agent/manager/world.ts";
import type { Gpu, HostFacts } from "../../../agent/protocol.ts";
import { after, said, synced } from "./facts.ts";
import { actionsOf } from "./planning.ts";
import { config, demand, machine, now, poolConfig, registered, report, world } from "./worlds.ts";

const gpu = (over: Partial<Gpu> = {}): Gpu => ({
  vendor: "nvidia",
  model: "NVIDIA T4G",
  driver: "595.71.05",
  health: "ok",
  problem: null,
  memoryMb: 15_360,
  memoryUsedMb: 0,
  utilizationPercent: 0,
  temperatureC: 30,
  ...over,
});
const broken = gpu({ health: "failed", problem: "nvidia-smi is not there" });
const checking = gpu({ health: "checking" });
const usage = (gpus?: Gpu[]) => ({
  cpuPercent: 1,
  memoryUsedMb: 1,
  memoryTotalMb: 2,
  diskFreeMb: 1,
  diskTotalMb: 2,
  ...(gpus ? { gpus } : {}),
});
const host = (gpus?: Gpu[]): HostFacts => ({
  arch: "arm64",
  cores: 4,
  memoryMb: 8_000,
  diskFreeMb: 1,
  kernel: "6",
  ...(gpus ? { gpus } : {}),
});

describe("a pool with gpu", () => {
  const ready = (gpus: Gpu[] | undefined, wish: true | "amd" = true, sinceMs = limits.gpuGraceMs) =>
    world({
      config: config({ a: { gpu: wish } }),
      machines: [machine("m1", "enrolled", { host: host(), enrolledMs: now - sinceMs })],
      reports: { m1: report({ usage: usage(gpus) }) },
      demand: { a: demand(1) },
    });

  test("registers a machine whose graphics processor works", () => {
    expect(actionsOf(ready([gpu()]), "mint")).toHaveLength(1);
    expect(actionsOf(ready([broken, gpu()]), "mint")).toHaveLength(1);
  });

  test("neither registers nor ends one that is still being looked at", () => {
    expect([actionsOf(ready([checking]), "mint"), actionsOf(ready([checking]), "end")]).toEqual([[], []]);
  });

  test.each([
    ["has none", [], "it has no GPU"],
    ["has one that does not work", [broken], "its NVIDIA T4G does not work (nvidia-smi is not there)"],
    ["does not say", undefined, "its agent does not say whether it has a GPU"],
  ])("never registers a machine that %s: it ends as a failed boot", (_name, gpus, why) => {
    expect(actionsOf(ready(gpus), "mint")).toEqual([]);
    expect(actionsOf(ready(gpus), "end")).toEqual([
      {
        key: "end:m1",
        do: "end",
        machine: "m1",
        why: `${why}: a GPU machine without a working GPU is replaced, not registered`,
        failedBoot: true,
        reason: "no-gpu",
      },
    ]);
  });

  test("gives a device that is there some time for its driver to come up; one that is not there gets none", () => {
    const early = (gpus: Gpu[]) => actionsOf(ready(gpus, true, limits.gpuGraceMs - 1), "end");
    expect([early([broken]).length, early([]).length]).toEqual([0, 1]);
    expect(plan(ready([broken], true, limits.gpuGraceMs - 1), now, limits).wakeAtMs).toBe(now + 1);
  });

  test("of one vendor wants that vendor's", () => {
    expect(actionsOf(ready([gpu()], "amd"), "end")[0]?.why).toMatch(/^it has no GPU of amd, only NVIDIA T4G/);
    expect(actionsOf(ready([gpu({ vendor: "amd" })], "amd"), "mint")).toHaveLength(1);
  });

  test("lets a job that runs go on although the graphics processor failed", () => {
    const busy = world({
      config: config({ a: { gpu: true } }),
      machines: [registered("m1", "busy")],
      reports: { m1: report({ phase: "busy", usage: usage([broken]) }) },
    });
    expect(actionsOf(busy, "end")).toEqual([]);
  });
});

test("a pool without gpu does not care", () => {
  const start = world({ machines: [machine("m1", "enrolled")], demand: { a: demand(1) } });
  expect([actionsOf(start, "mint").length, actionsOf(start, "end")]).toEqual([1, []]);
});

describe("the recipe circuit", () => {
  const launched = (id: string) => machine(id, "starting", { launch: `l-${id}` });
  const boots = (at: World) => at.boots["a/local"] ?? [];
  const enrolled = (id: string, gpus: Gpu[]): Fact => ({ is: "enrolled", machine: id, host: host(gpus) });
  /** What plan says to end, ended. */
  const planned = (at: World) =>
    actionsOf(at, "end").reduce(
      (next, { machine: id, why, failedBoot, reason }) =>
        after(next, { is: "end-asked", machine: id, why, failedBoot, ...(reason ? { reason } : {}) }),
      at,
    );

  test("two machines without a working one stop the spending, with that as the reason that people see", () => {
    let at = world({
      config: config({ a: { gpu: true } }),
      machines: [launched("m1"), launched("m2")],
      reports: {},
      demand: { a: demand(2) },
    });
    at = planned(after(at, enrolled("m1", []), enrolled("m2", [])));
    expect(boots(at)).toEqual([false, false]);
    expect(at.circuits["recipe:a/local"]).toMatchObject({ is: "open", reason: "no-gpu" });
    const { refusals, actions } = plan(at, now, limits);
    expect(actions.filter(({ do: kind }) => kind === "launch")).toEqual([]);
    expect(refusals.a).toMatchObject([
      { reason: "no-gpu", jobs: 2, detail: expect.stringMatching(/^local: it has no GPU: a GPU machine/) },
    ]);
  });

  test("machines from before the pool wanted one are no failed boots: the next ones may have it", () => {
    const old = ["m1", "m2"].map((id) => machine(id, "enrolled", { recipe: "without", host: host([]) }));
    const start = world({
      config: config({ a: { gpu: true, max: 4 } }),
      machines: old,
      demand: { a: demand(2) },
    });
    expect(actionsOf(start, "mint")).toEqual([]);
    const at = planned(start);
    expect([boots(at), at.circuits["recipe:a/local"]]).toEqual([[], undefined]);
    expect(actionsOf(start, "launch")).toMatchObject([{ pool: "a", count: 2 }]);
  });

  test("a probe that enrols without a working one does not open it again, one with does", () => {
    const start = (gpus: Gpu[]) => {
      const at = world({
        config: config({ a: { gpu: true } }),
        machines: [launched("m1")],
        reports: {},
        circuits: {
          "recipe:a/local": {
            is: "probing",
            untilMs: now + 1,
            by: "l-m1",
            reason: "no-gpu",
            detail: "",
            trips: 3,
          },
        },
      });
      return after(at, enrolled("m1", gpus));
    };
    expect(start([broken]).circuits["recipe:a/local"]).toMatchObject({ trips: 3 });
    expect(planned(start([])).boots["a/local"]).toEqual([false]);
    expect(start([gpu()]).circuits["recipe:a/local"]).toBeUndefined();
  });

  test("one that was still looked at when it enrolled counts as booted when it works", () => {
    const start = world({
      config: config({ a: { gpu: true } }),
      machines: [launched("m1")],
      reports: {},
    });
    const seen = after(start, enrolled("m1", [checking]));
    expect(boots(seen)).toEqual([]);
    const ready = said("ready");
    const works = synced("m1", { life: 0, report: { ...ready.report, usage: usage([gpu()]) } });
    expect(boots(after(seen, works))).toEqual([true]);
    // Said again, it is no second boot.
    expect(boots(after(seen, works, works))).toEqual([true]);
  });
});

describe("labels", () => {
  test.each([
    ["NVIDIA T4G", "t4g"],
    ["Tesla T4", "t4"],
    ["NVIDIA A10G", "a10g"],
    ["NVIDIA A100-SXM4-40GB", "a100"],
    ["NVIDIA H100 80GB HBM3", "h100"],
    ["NVIDIA H100 NVL", "h100"],
    ["NVIDIA GeForce RTX 4090", "rtx-4090"],
    ["AMD Radeon Pro V520", "v520"],
    ["AMD Instinct MI300X", "mi300x"],
    ["Intel(R) Arc(TM) A770 Graphics", "a770"],
    ["nvidia 2684", "2684"],
    ["evil\u202e <b> model", "evil-b-model"],
  ])("of %s say %s", (model, label) => {
    expect(gpuLabels([gpu({ model })])).toEqual(["gpu", "nvidia", label]);
  });

  test("name each thing once, and nothing that does not work", () => {
    const all = [gpu(), gpu(), gpu({ vendor: "amd", model: "AMD Instinct MI300X" }), broken];
    expect(gpuLabels(all)).toEqual(["gpu", "nvidia", "amd", "t4g", "mi300x"]);
    expect(gpuLabels([broken, checking])).toEqual([]);
  });

  const warned = (labels: string[], machines: (Gpu[] | null)[], over: object = {}) =>
    labelWarning(poolConfig({ labels, ...over }), machines);

  test.each(["gpu", "gpu-arm64", "linux-gpu", "CUDA", "cuda12", "nvidia"])(
    "like %s are a promise, and a machine that breaks it is named in a warning with the cure",
    (label) => {
      expect(warned(["self-hosted", label], [[], [gpu()], null])).toBe(
        `Its label ${label} promises a GPU, and 1 of its 2 machines has none that works: set gpu: true, ` +
          `so that such machines are not registered, or take the label away.`,
      );
    },
  );

  test("warn of nothing that is kept, not known yet, kept out by gpu, or not promised", () => {
    expect(warned(["gpu"], [[gpu()]])).toBeNull();
    expect(warned(["gpu"], [])).toBeNull();
    expect(warned(["gpu"], [null, [checking]])).toBeNull();
    expect(warned(["gpu"], [[]], { gpu: true })).toBeNull();
    expect(warned(["linux", "gpufree", "tugpuc"], [[]])).toBeNull();
  });
});

test("a machine of the previous version's journal, which knew no graphics processors, goes on as before", () => {
  const old = JSON.parse(
    JSON.stringify(machine("m1", "enrolled", { host: host() })),
  ) as World["machines"][string];
  const at = apply(
    world({ machines: [old], demand: { a: demand(1) } }),
    synced("m1", { life: 0 }),
    now,
    limits,
  );
  expect(actionsOf(at, "mint")).toHaveLength(1);
  expect(gpuProblem(poolConfig(), null)).toBeNull();
});
