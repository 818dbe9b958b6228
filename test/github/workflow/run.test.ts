import { expect, test } from "vitest";
import type { ReadyJob, WorkflowEvent, WorkflowLogic } from "../wire.ts";
import { makeWorkflow } from "./run.ts";

const event: WorkflowEvent = {
  eventName: "workflow_dispatch",
  inputs: {},
  ref: "refs/heads/main",
  sha: "0".repeat(40),
  repository: "acme/widgets",
  repositoryId: 7,
  runId: 1000,
  runNumber: 1,
  runAttempt: 1,
  actor: "acme",
  serverUrl: "http://github.example",
  apiUrl: "http://github.example/api/v3",
  workspaceSource: "/src/widgets",
};
const file = ".github/workflows/ci.yml";

const make = (jobs: string, more: Partial<WorkflowEvent> = {}, head = "on: [workflow_dispatch, push]") =>
  makeWorkflow(`name: ci\n${head}\njobs:\n${jobs}`, file, { ...event, ...more });
const problemsOf = async (made: Promise<WorkflowLogic>) =>
  made.then(
    () => [],
    (error: Error) => error.message.split("\n"),
  );
const keys = (jobs: readonly ReadyJob[]) => jobs.map((job) => job.key);

const steps = "runs-on: linux, steps: [{ run: ':' }]";

test("a job gets its labels, name, steps, contexts, environment, time limit and merged env", async () => {
  const logic = await make(
    `  build:
    name: build \${{ inputs.flavour }}
    runs-on: [self-hosted, linux, "\${{ inputs.flavour }}"]
    environment: { name: prod }
    timeout-minutes: 5
    env: { B: job, C: "\${{ github.sha }}" }
    defaults: { run: { working-directory: sub } }
    outputs: { version: "\${{ steps.v.outputs.version }}" }
    steps:
      - uses: actions/checkout@v5
        with: { fetch-depth: 0 }
      - id: v
        name: Say \${{ github.ref }}
        if: github.ref == 'refs/heads/main'
        shell: bash
        timeout-minutes: 2
        continue-on-error: true
        env: { D: step }
        run: echo "\${{ inputs.flavour }}"
`,
    { inputs: { flavour: "sweet" } },
    `on:
  workflow_dispatch:
    inputs:
      flavour: { type: string, default: plain }
env: { A: workflow, B: workflow }
defaults: { run: { shell: sh } }`,
  );
  expect(logic.name).toBe("ci");
  const [job] = logic.ready();
  expect(job).toMatchObject({
    key: "build",
    displayName: "build sweet",
    runsOn: ["self-hosted", "linux", "sweet"],
    environment: "prod",
    message: {
      jobDisplayName: "build sweet",
      env: { A: "workflow", B: "job", C: "${{ github.sha }}" },
      defaults: { shell: "sh", workingDirectory: "sub" },
      outputs: { version: "${{ steps.v.outputs.version }}" },
      timeoutMinutes: 5,
      contexts: {
        inputs: { flavour: "sweet" },
        github: {
          repository: "acme/widgets",
          run_id: "1000",
          ref_name: "main",
          job: "build",
          workspace_source: "/src/widgets",
          workflow_ref: "acme/widgets/.github/workflows/ci.yml@refs/heads/main",
        },
      },
    },
  });
  expect(job!.message.steps).toEqual([
    {
      id: "__actions_checkout",
      name: null,
      condition: "success()",
      env: {},
      continueOnError: false,
      timeoutMinutes: null,
      action: { kind: "uses", uses: "actions/checkout@v5", with: { "fetch-depth": "0" } },
    },
    {
      id: "v",
      name: "${{ format('Say {0}', github.ref) }}",
      condition: "success() && (github.ref == 'refs/heads/main')",
      env: { D: "step" },
      continueOnError: "true",
      timeoutMinutes: "2",
      action: {
        kind: "run",
        script: `\${{ format('echo "{0}"', inputs.flavour) }}`,
        shell: "bash",
        workingDirectory: null,
      },
    },
  ]);
  expect(logic.ready()).toEqual([]);
});

test("jobs wait for their needs and see their results and outputs", async () => {
  const logic = await make(`  a: { ${steps} }
  b:
    needs: a
    runs-on: \${{ fromJSON(needs.a.outputs.labels) }}
    steps: [{ run: ":" }]
`);
  expect(keys(logic.ready())).toEqual(["a"]);
  expect(logic.conclusion()).toBeNull();
  logic.finish("a", "succeeded", { labels: '["gpu","arm64"]' });
  const [b] = logic.ready();
  expect(b).toMatchObject({
    runsOn: ["gpu", "arm64"],
    message: { contexts: { needs: { a: { result: "success", outputs: { labels: '["gpu","arm64"]' } } } } },
  });
  logic.finish("b", "succeeded", {});
  expect(logic.conclusion()).toBe("success");
});

test("a failed need skips what follows, down the chain, except failure() and always()", async () => {
  const logic = await make(`  a: { ${steps} }
  b: { needs: a, ${steps} }
  c: { needs: b, ${steps} }
  rescue: { needs: [a], if: failure(), ${steps} }
  report: { needs: [b, c], if: "always() && needs.b.result == 'skipped'", ${steps} }
`);
  logic.ready();
  logic.finish("a", "failed", {});
  expect(keys(logic.ready())).toEqual(["rescue", "report"]);
  expect(logic.skipped()).toEqual(["b", "c"]);
  logic.finish("rescue", "succeeded", {});
  logic.finish("report", "succeeded", {});
  expect(logic.conclusion()).toBe("failure");
});

test("success() looks at the whole chain: a job after a skipped one is skipped, though its own need ran", async () => {
  const logic = await make(`  a: { if: false, ${steps} }
  b: { needs: a, if: always(), ${steps} }
  c: { needs: b, ${steps} }
`);
  expect(keys(logic.ready())).toEqual(["b"]);
  logic.finish("b", "succeeded", {});
  expect(logic.ready()).toEqual([]);
  expect(logic.skipped()).toEqual(["a", "c"]);
  expect(logic.conclusion()).toBe("success");
});

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

const matrixOf = (more: string) =>
  `  m: { strategy: { matrix: { n: [1, 2, 3] }${more} }, ${steps} }\n  after: { needs: m, if: always(), ${steps} }\n`;

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

test("a cancelled run starts only jobs that ask for it, and ends as cancelled", async () => {
  const logic = await make(`  a: { ${steps} }
  b: { needs: a, ${steps} }
  clean: { needs: a, if: always(), ${steps} }
  told: { needs: a, if: cancelled(), ${steps} }
  not: { needs: a, if: "!cancelled()", ${steps} }
`);
  logic.ready();
  logic.cancel();
  logic.finish("a", "canceled", {});
  expect(keys(logic.ready())).toEqual(["clean", "told"]);
  expect(logic.skipped()).toEqual(["b", "not"]);
  logic.finish("clean", "succeeded", {});
  logic.finish("told", "succeeded", {});
  expect(logic.conclusion()).toBe("cancelled");
});

test("a cancel before anything started leaves no job that could start", async () => {
  const logic = await make(`  a: { ${steps} }\n`);
  logic.cancel();
  expect(logic.ready()).toEqual([]);
  expect(logic.conclusion()).toBe("cancelled");
});

test("inputs have defaults and types; wrong, missing and unknown ones are named together", async () => {
  const head = `on:
  workflow_dispatch:
    inputs:
      count: { type: number, default: 2 }
      dry: { type: boolean }
      size: { type: choice, options: [s, m] }
      who: { required: true }`;
  const logic = await make(`  a: { ${steps} }\n`, { inputs: { who: "me", size: "m" } }, head);
  const [job] = logic.ready();
  expect(job!.message.contexts["inputs"]).toEqual({ count: 2, dry: false, size: "m", who: "me" });
  expect(job!.message.contexts["github"]).toMatchObject({
    event: { inputs: { count: "2", dry: "false", size: "m", who: "me" } },
  });
  const wrong = { count: "many", dry: "maybe", size: "xl", other: "1" };
  expect(await problemsOf(make(`  a: { ${steps} }\n`, { inputs: wrong }, head))).toEqual([
    `${file}:3:3: unexpected inputs: other; the workflow has: count, dry, size, who`,
    `${file}:3:3: input 'count' is 'many'; allowed: a number`,
    `${file}:3:3: input 'dry' is 'maybe'; allowed: true, false`,
    `${file}:3:3: input 'size' is 'xl'; allowed: s, m`,
    `${file}:3:3: input 'who' is required and was not given`,
  ]);
});

test("a push starts only what its branch filters admit", async () => {
  const head = "on: { push: { branches: [main, 'release/**', '!release/old'] } }";
  const job = `  a: { ${steps} }\n`;
  const push = (ref: string) => problemsOf(make(job, { eventName: "push", ref }, head));
  expect(await push("refs/heads/release/1")).toEqual([]);
  expect(await push("refs/heads/release/old")).toEqual([
    `${file}:2:5: on.push does not include refs/heads/release/old`,
  ]);
  expect(await push("refs/tags/v1")).toEqual([`${file}:2:5: on.push does not include refs/tags/v1`]);
  expect(await problemsOf(make(job, {}, head))).toEqual([
    `${file}:2:5: the workflow does not run on workflow_dispatch; it runs on push`,
  ]);
});

test("everything that is not run here is refused by name, all at once, with its place", async () => {
  const problems = await problemsOf(
    make(`  called:
    uses: ./.github/workflows/other.yml
  a:
    runs-on: { group: big, labels: [linux] }
    container: node:24
    services: { db: { image: postgres } }
    steps:
      - uses: docker/build-push-action@v6
      - uses: ./local
      - run: dir
        shell: pwsh
      - uses: Actions/Checkout@v5
`),
  );
  const at = (message: string) => problems.find((problem) => problem.includes(message));
  expect(problems).toHaveLength(7);
  expect(at("reusable workflow")).toBe(
    `${file}:5:11: job 'called' calls the reusable workflow './.github/workflows/other.yml', which the simulator does not run; write its jobs into this workflow`,
  );
  expect(at("runs-on.group")).toContain(`${file}:7:23:`);
  expect(at("job containers")).toContain(`${file}:8:16:`);
  expect(at("service containers")).toContain(`${file}:9:15:`);
  expect(at("docker/build-push-action@v6")).toBe(
    `${file}:11:15: 'docker/build-push-action@v6' is not run by the stand-in runner; it knows actions/checkout, actions/setup-node, actions/cache, actions/upload-artifact, actions/download-artifact`,
  );
  expect(at("'./local'")).toContain(`${file}:12:15:`);
  expect(at("'pwsh'")).toContain(`${file}:14:16:`);
});

test("what GitHub's own parser refuses is passed on with its place", async () => {
  const problems = await problemsOf(
    make(`  a:
    runs-on: linux
    needs: [ghost]
    steps: [{ run: "\${{ nothing.here }}" }]
  b: { runs-on: linux, steps: [{ ruin: x }] }
`),
  );
  expect(problems.some((problem) => /ci\.yml:7:\d+: .*nothing/.test(problem))).toBe(true);
  expect(problems.some((problem) => /ci\.yml:8:\d+: .*ruin/.test(problem))).toBe(true);
  const broken = await problemsOf(makeWorkflow("on: push\njobs: [", file, event));
  expect(broken.join()).toMatch(/ci\.yml/);
});

test("needs that go in a circle or lead nowhere are refused", async () => {
  const problems = await problemsOf(
    make(`  a: { ${steps} }\n  b: { needs: c, ${steps} }\n  c: { needs: b, ${steps} }\n`),
  );
  expect(problems.join("\n")).toContain("cycle");
});

test("a job that cannot be made fails with a reason, and the run with it", async () => {
  const logic = await make(`  a: { ${steps} }
  b: { needs: a, runs-on: "\${{ fromJSON(needs.a.outputs.labels) }}", steps: [{ run: ":" }] }
`);
  logic.ready();
  logic.finish("a", "succeeded", { labels: "not json" });
  expect(logic.ready()).toEqual([]);
  expect(logic.conclusion()).toBe("failure");
  expect(logic.problems!()).toEqual([
    expect.stringContaining("job 'b': ${{ fromJSON(needs.a.outputs.labels) }}"),
  ]);
});

test("the same combination written twice makes two jobs with keys of their own", async () => {
  const logic = await make(`  a: { strategy: { matrix: { n: [1, "1"] } }, ${steps} }\n`);
  expect(keys(logic.ready())).toEqual(["a (1)", "a (1) #2"]);
});
