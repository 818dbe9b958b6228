import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { realDeps } from "./common/deps.ts";
import { isAlive, until } from "./fake-broker.ts";
import { run, scripts, startJob, temporary } from "./job-harness.ts";

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

test("GITHUB_ENV, GITHUB_PATH, GITHUB_OUTPUT and GITHUB_STATE reach the steps after, in both spellings", async () => {
  const { result, log } = await run({
    steps: scripts({
      set: [
        'echo "PLAIN=a=b" >> "$GITHUB_ENV"',
        'printf "LONG<<END\\none\\ntwo\\nEND\\n" >> "$GITHUB_ENV"',
        'mkdir tools; printf "#!/bin/sh\\necho my-tool-ran\\n" > tools/my-tool; chmod +x tools/my-tool',
        'echo "$PWD/tools" >> "$GITHUB_PATH"',
        'echo "version=1.2" >> "$GITHUB_OUTPUT"',
        'echo "x=y" >> "$GITHUB_STATE"',
        'echo "PLAIN here: [$PLAIN]"',
      ].join("\n"),
      see: 'echo "[$PLAIN] [$LONG]"; my-tool; echo "env ${{ env.PLAIN }}, out ${{ steps.set.outputs.version }}"',
    }),
    outputs: { version: "v${{ steps.set.outputs.version }}", none: "${{ steps.nobody.outputs.x }}" },
  });
  expect(log).toContain("PLAIN here: []");
  expect(log).toContain("[a=b] [one\ntwo]");
  expect(log).toContain("\nmy-tool-ran");
  expect(log).toContain("env a=b, out 1.2");
  expect(result.outputs).toEqual({ version: "v1.2", none: "" });
});

test("a wrong line in GITHUB_OUTPUT fails the step, and NODE_OPTIONS cannot be set through GITHUB_ENV", async () => {
  const { steps, log } = await run({
    steps: scripts({
      wrong: { script: 'echo nonsense >> "$GITHUB_OUTPUT"', continueOnError: true },
      open: { script: 'echo "a<<EOF" >> "$GITHUB_OUTPUT"', continueOnError: true },
      node: { script: 'echo "NODE_OPTIONS=--inspect" >> "$GITHUB_ENV"', continueOnError: true },
      see: 'echo "options: [$NODE_OPTIONS]"',
    }),
  });
  expect(steps).toEqual({ wrong: "succeeded", open: "succeeded", node: "succeeded", see: "succeeded" });
  expect(log).toContain("##[error]Invalid format 'nonsense'");
  expect(log).toContain("##[error]Invalid value. Matching delimiter not found 'EOF'");
  expect(log).toContain("##[error]Can't store NODE_OPTIONS output parameter using '$GITHUB_ENV' command.");
  expect(log).toContain("options: []");
});

test("GITHUB_STEP_SUMMARY is shown in the log", async () => {
  const { log } = await run({ steps: scripts({ a: 'echo "# Done" >> "$GITHUB_STEP_SUMMARY"' }) });
  expect(log).toContain("##[group]Step summary\n# Done\n##[endgroup]");
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

test("secrets of the job, ::add-mask:: and outputs that hold them never reach log or outputs", async () => {
  const { result, log } = await run({
    mask: ["hush-hush"],
    steps: scripts({
      a: 'echo "say hush-hush"; echo "::add-mask::late-secret"; echo "say late-secret"; echo "o=late-secret" >> "$GITHUB_OUTPUT"',
      b: { script: "echo ${{ steps.a.outputs.o }}", name: "print late-secret" },
    }),
    outputs: { leaked: "${{ steps.a.outputs.o }}", fine: "1" },
  });
  expect(log).toContain("say ***");
  expect(
    log
      .replaceAll("##[group]", "")
      .split("\n")
      .filter((line) => line === "say late-secret"),
  ).toEqual([]);
  expect(result.outputs).toEqual({ fine: "1" });
  expect(result.stepResults[1]!.name).toBe("print ***");
  expect(log).toContain("Skip output 'leaked' since it may contain secret.");
});

test("workflow commands become GitHub's log marks; between stop and resume they are text", async () => {
  const { log, result } = await run({
    steps: scripts({
      a: [
        "echo '::group::Build'",
        "echo '::endgroup::'",
        "echo '::error file=a.ts,line=3::bad%0Aworse'",
        "echo '::warning::careful'",
        "echo '::set-output name=old::way'",
        "echo '::set-env name=A::b'",
        "echo '::stop-commands::token'",
        "echo '::error::not a command'",
        "echo '::token::'",
        "echo '::notice::back'",
      ].join("\n"),
    }),
    outputs: { old: "${{ steps.a.outputs.old }}" },
  });
  expect(log).toContain("##[group]Build\n##[endgroup]\n##[error]bad\nworse\n##[warning]careful");
  expect(log).toContain("##[error]The `set-env` command is disabled.");
  expect(log).toContain("::error::not a command\n##[notice]back");
  expect(result.outputs).toEqual({ old: "way" });
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

test("a step that takes longer than timeout-minutes is ended and fails", async () => {
  const { steps, log } = await run({
    steps: scripts({
      slow: { script: "exec sleep 300", timeoutMinutes: "0.005", continueOnError: true },
      after: "true",
    }),
  });
  expect(steps).toEqual({ slow: "succeeded", after: "succeeded" });
  expect(log).toContain("has timed out after 0.005 minutes.");
});

test("a job that takes longer than its timeout-minutes is canceled", async () => {
  const { result, log } = await run({
    timeoutMinutes: 0.005,
    steps: scripts({ slow: "exec sleep 300", next: "true" }),
  });
  expect(result.conclusion).toBe("canceled");
  expect(log).toContain("has exceeded the maximum execution time of 0.005 minutes.");
});

test("a canceled step gets SIGINT, 7.5 s later SIGTERM, 2.5 s later it and its children are killed", async () => {
  const pauses: number[] = [];
  const sleep: typeof realDeps.sleep = (ms, signal) => {
    if (ms !== 7_500 && ms !== 2_500) return realDeps.sleep(ms, signal);
    pauses.push(ms);
    return realDeps.sleep(100, signal);
  };
  const script = `
    trap 'echo got-int >> said' INT
    trap 'echo got-term >> said' TERM
    sleep 300 & echo $! > child
    echo ready > ready
    while true; do sleep 0.02; done`;
  const job = startJob({ message: { steps: scripts({ stubborn: script }) }, deps: { sleep } });
  const workspace = join(job.root, "_work", "widgets", "widgets");
  await until("the step", () => existsSync(join(workspace, "ready")));
  job.cancel.abort(new Error("canceled"));
  const { result } = await job.done;
  expect(result.conclusion).toBe("canceled");
  expect(pauses).toEqual([7_500, 2_500]);
  expect(readFileSync(join(workspace, "said"), "utf8")).toBe("got-int\ngot-term\n");
  const child = readFileSync(join(workspace, "child"), "utf8").trim();
  await until("the child's end", () => !isAlive(child));
});

test("a step with if: always() is not ended by a cancellation", async () => {
  const script = "touch started; while [ ! -e go ]; do sleep 0.02; done; echo cleaned up";
  const job = startJob({ message: { steps: scripts({ clean: { script, condition: "always()" } }) } });
  const workspace = join(job.root, "_work", "widgets", "widgets");
  await until("the step", () => existsSync(join(workspace, "started")));
  job.cancel.abort(new Error("canceled"));
  writeFileSync(join(workspace, "go"), "");
  const { steps, log, result } = await job.done;
  expect(steps).toEqual({ clean: "succeeded" });
  expect(log).toContain("cleaned up");
  expect(result.conclusion).toBe("canceled");
});

test("processes that a job leaves behind are ended by their RUNNER_TRACKING_ID, others are not", async () => {
  const root = temporary();
  const { log } = await run(
    {
      steps: scripts({
        a: `(sleep 301 > /dev/null 2>&1 & echo $! > ${root}/mine)
            (RUNNER_TRACKING_ID= setsid sleep 302 > /dev/null 2>&1 & echo $! > ${root}/kept)`,
      }),
    },
    { root },
  );
  const [mine, kept] = ["mine", "kept"].map((name) => readFileSync(join(root, name), "utf8").trim());
  expect(log).toContain(`Terminate orphan process: pid (${mine}) (sleep)`);
  await until("the end of the leftover", () => !isAlive(mine!));
  expect(isAlive(kept!)).toBe(true);
  process.kill(Number(kept), "SIGKILL");
});

test("a step whose background child holds its output open ends 5 s after it at the latest", async () => {
  const pauses: number[] = [];
  const sleep: typeof realDeps.sleep = (ms, signal) => {
    if (ms !== 5_000) return realDeps.sleep(ms, signal);
    pauses.push(ms);
    return realDeps.sleep(20, signal);
  };
  const { steps } = await run(
    { steps: scripts({ a: "sleep 300 & echo done", b: "true" }) },
    { deps: { sleep } },
  );
  expect(steps).toEqual({ a: "succeeded", b: "succeeded" });
  expect(pauses).toContain(5_000);
});

test("the temporary folder is empty at the start of a job and gone at its end; the workspace stays", async () => {
  const root = temporary();
  mkdirSync(join(root, "_work", "_temp"), { recursive: true });
  writeFileSync(join(root, "_work", "_temp", "old"), "");
  const { log } = await run(
    { steps: scripts({ a: 'ls "$RUNNER_TEMP"; touch "$RUNNER_TEMP/mine" kept' }) },
    { root },
  );
  expect(log).not.toMatch(/^old$/m);
  expect(existsSync(join(root, "_work", "_temp"))).toBe(false);
  expect(existsSync(join(root, "_work", "widgets", "widgets", "kept"))).toBe(true);
});

test("an action that the stand-in does not have fails its step by name", async () => {
  const uses = { kind: "uses", uses: "docker/login-action@v3", with: {} } as const;
  const { steps, log } = await run({ steps: scripts({ a: { action: uses } }) });
  expect(steps).toEqual({ a: "failed" });
  expect(log).toContain("##[error]The stand-in runner does not have the action 'docker/login-action@v3'.");
});
