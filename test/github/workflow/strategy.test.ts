import { expect, test } from "vitest";
import { keys, make, steps } from "./sample.ts";

const matrixOf = (more: string) =>
  `  m: { strategy: { matrix: { n: [1, 2, 3] }${more} }, ${steps} }\n  after: { needs: m, if: always(), ${steps} }\n`;

test("a matrix makes a job a combination, named by its values, with strategy and matrix contexts", async () => {
  const logic = await make(`  build:
    name: Build
    strategy: { matrix: { arch: [x64, arm64], node: [24], exclude: [{ arch: x64 }], include: [{ arch: gpu }] } }
    runs-on: [linux, "\${{ matrix.arch }}"]
    steps: [{ run: ":" }]
`);
  const jobs = logic.ready();
  expect(keys(jobs)).toEqual(["build (arm64, 24)", "build (gpu)"]);
  expect(jobs.map((job) => job.displayName)).toEqual(["Build (arm64, 24)", "Build (gpu)"]);
  expect(jobs.map((job) => job.runsOn)).toEqual([
    ["linux", "arm64"],
    ["linux", "gpu"],
  ]);
  expect(jobs[1]!.message.contexts).toMatchObject({
    matrix: { arch: "gpu" },
    strategy: { "job-index": 1, "job-total": 2, "fail-fast": true },
  });
});

test("a matrix may come from a need's output", async () => {
  const logic = await make(`  plan: { ${steps} }
  run:
    needs: plan
    strategy: { matrix: "\${{ fromJSON(needs.plan.outputs.m) }}" }
    name: run \${{ matrix.n }}
    runs-on: linux
    steps: [{ run: ":" }]
`);
  logic.ready();
  logic.finish("plan", "succeeded", { m: '{"n":[1,2]}' });
  expect(logic.ready().map((job) => job.displayName)).toEqual(["run 1", "run 2"]);
});

test("max-parallel hands out only so many combinations at a time", async () => {
  const logic = await make(matrixOf(", max-parallel: 2"));
  expect(keys(logic.ready())).toEqual(["m (1)", "m (2)"]);
  expect(logic.ready()).toEqual([]);
  logic.finish("m (1)", "succeeded", {});
  expect(keys(logic.ready())).toEqual(["m (3)"]);
});

test("fail-fast cancels the other combinations: the running are named, the waiting never start", async () => {
  const logic = await make(matrixOf(", max-parallel: 2"));
  logic.ready();
  logic.finish("m (1)", "failed", {});
  expect(logic.toCancel!()).toEqual(["m (2)"]);
  expect(logic.toCancel!()).toEqual([]);
  expect(logic.skipped()).toEqual(["m (3)"]);
  expect(logic.ready()).toEqual([]);
  logic.finish("m (2)", "canceled", {});
  const [after] = logic.ready();
  expect(after!.message.contexts["needs"]).toEqual({ m: { result: "failure", outputs: {} } });
  logic.finish("after", "succeeded", {});
  expect(logic.conclusion()).toBe("failure");
});

test("without fail-fast the other combinations go on", async () => {
  const logic = await make(matrixOf(", fail-fast: false"));
  expect(keys(logic.ready())).toHaveLength(3);
  logic.finish("m (1)", "failed", {});
  expect(logic.toCancel!()).toEqual([]);
  expect(logic.conclusion()).toBeNull();
});

test("a job that may fail neither fails the run nor its matrix", async () => {
  const logic = await make(`  try:
    continue-on-error: \${{ matrix.n == 1 }}
    strategy: { matrix: { n: [1, 2] } }
    runs-on: linux
    steps: [{ run: ":" }]
`);
  logic.ready();
  logic.finish("try (1)", "failed", {});
  expect(logic.toCancel!()).toEqual([]);
  logic.finish("try (2)", "succeeded", {});
  expect(logic.conclusion()).toBe("success");
});

test("the same combination written twice makes two jobs with keys of their own", async () => {
  const logic = await make(`  a: { strategy: { matrix: { n: [1, "1"] } }, ${steps} }\n`);
  expect(keys(logic.ready())).toEqual(["a (1)", "a (1) #2"]);
});
