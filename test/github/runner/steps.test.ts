import { expect, test } from "vitest";
import { run, scripts } from "./job-harness.ts";

const failed = "echo '##[x]'; exit 3";

test("the default shell stops at the first error; bash also minds pipes; sh, node and a command of one's own run too", async () => {
  const { steps, log } = await run({
    steps: scripts({
      first: { script: "false\necho unreached-default", continueOnError: true },
      pipe: { script: "false | true\necho pipe-is-fine" },
      bash: { script: "false | true\necho unreached-bash", shell: "bash", continueOnError: true },
      sh: { script: 'echo "shell $0"', shell: "sh" },
      node: { script: "console.log(`node ${1 + 1}`)", shell: "node" },
      custom: { script: "a\nb\nc", shell: "wc -l {0}" },
    }),
  });
  expect(steps).toMatchObject({ first: "succeeded", pipe: "succeeded", bash: "succeeded", sh: "succeeded" });
  expect(steps).toMatchObject({ node: "succeeded", custom: "succeeded" });
  expect(log).not.toMatch(/^unreached/m);
  expect(log).toContain("pipe-is-fine");
  expect(log).toContain("node 2");
  expect(log).toMatch(/bash --noprofile --norc -e -o pipefail \{0\}/);
  expect(log).toMatch(/^2 .*_temp/m);
});

test("a shell that is not there or has no place for the script fails the step in words", async () => {
  const { steps, log } = await run({
    steps: scripts({
      none: { shell: "no-such-shell {0}", continueOnError: true },
      unknown: { shell: "fish", continueOnError: true },
    }),
  });
  expect(steps).toEqual({ none: "succeeded", unknown: "succeeded" });
  expect(log).toContain("##[error]no-such-shell: command not found");
  expect(log).toContain("##[error]Invalid shell option.");
});

test("a failed step fails the job, skips what follows but failure() and always(), and names its exit code", async () => {
  const { result, steps, log } = await run({
    steps: scripts({
      a: failed,
      b: "true",
      c: { condition: "failure()" },
      d: { condition: "always()" },
      e: { condition: "failure() && steps.a.outcome == 'success'" },
    }),
  });
  expect(result.conclusion).toBe("failed");
  expect(steps).toEqual({ a: "failed", b: "skipped", c: "succeeded", d: "succeeded", e: "skipped" });
  expect(log).toContain("##[error]Process completed with exit code 3.");
});

test("continue-on-error lets the job go on, and its step shows outcome and conclusion", async () => {
  const { result } = await run({
    steps: scripts({
      may: { script: failed, continueOnError: "${{ github.repository == 'acme/widgets' }}" },
      after: {
        condition: "success() && steps.may.outcome == 'failure' && steps.may.conclusion == 'success'",
      },
    }),
  });
  expect(result.conclusion).toBe("succeeded");
  expect(result.stepResults).toMatchObject([
    { id: "may", outcome: "failed", conclusion: "succeeded" },
    { id: "after", conclusion: "succeeded" },
  ]);
});

test("env of job and step is evaluated, the step's own wins and ends with it", async () => {
  const { log } = await run({
    env: { A: "job", B: "${{ github.repository }}" },
    steps: scripts({
      one: { script: 'echo "1: $A $B $C"', env: { A: "step", C: "${{ env.B }}!" } },
      two: 'echo "2: $A $B $C."',
    }),
  });
  expect(log).toContain("\n1: step acme/widgets acme/widgets!");
  expect(log).toContain("\n2: job acme/widgets .");
});

test("GITHUB_*, RUNNER_* and CI are there, and the event is a file", async () => {
  const { log } = await run({
    contexts: {
      github: { repository: "acme/widgets", run_id: "42", ref_name: "main", event: { n: 1 }, token: "s" },
    },
    steps: scripts({
      a: [
        'echo "$GITHUB_ACTIONS $CI $GITHUB_RUN_ID $GITHUB_REPOSITORY $GITHUB_REF_NAME $RUNNER_OS $RUNNER_NAME"',
        'cat "$GITHUB_EVENT_PATH"; echo; [ -d "$RUNNER_TOOL_CACHE" ] && [ "$PWD" = "$GITHUB_WORKSPACE" ] && echo places',
        'echo "token: [$GITHUB_TOKEN] action: $GITHUB_ACTION runner ${{ runner.os }} job ${{ job.status }}"',
      ].join("\n"),
    }),
  });
  expect(log).toContain("true true 42 acme/widgets main Linux runner-7");
  expect(log).toContain('{"n":1}\nplaces');
  expect(log).toContain("token: [] action: a runner Linux job success");
});

test("a job of a run without a repository runs too", async () => {
  const { result } = await run({ contexts: { github: {} }, steps: scripts({ a: "pwd" }) });
  expect(result.conclusion).toBe("succeeded");
});

test("a condition or an expression that cannot be evaluated fails its step, with the expression named", async () => {
  const { steps, log } = await run({
    steps: scripts({ a: { condition: "nothing.at.all == 1", continueOnError: true }, b: "true" }),
  });
  expect(steps).toEqual({ a: "failed", b: "skipped" });
  expect(log).toContain("##[error]${{ nothing.at.all == 1 }}");
});

test("hashFiles() tells files apart and is empty for none", async () => {
  const { log } = await run({
    steps: scripts({
      a: "echo 1 > a.lock",
      b: "echo \"h=${{ hashFiles('**/*.lock') != '' }} ${{ hashFiles('*.none') == '' }} ${{ hashFiles('a.lock') == hashFiles('*.lock') }}\"",
    }),
  });
  expect(log).toContain("h=true true true");
});

test("an action that the stand-in does not have fails its step by name", async () => {
  const uses = { kind: "uses", uses: "docker/login-action@v3", with: {} } as const;
  const { steps, log } = await run({ steps: scripts({ a: { action: uses } }) });
  expect(steps).toEqual({ a: "failed" });
  expect(log).toContain("##[error]The stand-in runner does not have the action 'docker/login-action@v3'.");
});
