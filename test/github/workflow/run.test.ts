import { expect, test } from "vitest";
import { keys, make, steps } from "./sample.ts";

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
      name: "Say ${{ github.ref }}",
      condition: "success() && (github.ref == 'refs/heads/main')",
      env: { D: "step" },
      continueOnError: "true",
      timeoutMinutes: "2",
      action: {
        kind: "run",
        script: 'echo "${{ inputs.flavour }}"',
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

test("blocks of text keep their lines and lose their indentation, with expressions in them too", async () => {
  const logic = await make(`  a:
    name: >-
      folded
      \${{ github.ref_name }}
    runs-on: >-
      \${{ github.ref_name }}
    env:
      TEXT: |
        first \${{ github.sha }}
          second
    steps:
      - run: |
          if true; then
            echo "\${{ github.ref }}"
          fi
`);
  const [job] = logic.ready();
  expect(job).toMatchObject({ displayName: "folded main", runsOn: ["main"] });
  expect(job!.message.env).toEqual({ TEXT: "first ${{ github.sha }}\n  second\n" });
  expect(job!.message.steps[0]!.action).toMatchObject({
    script: 'if true; then\n  echo "${{ github.ref }}"\nfi\n',
  });
});
