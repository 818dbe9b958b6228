import { expect, test } from "vitest";
import { run, scripts } from "./job-harness.ts";

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
