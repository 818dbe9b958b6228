import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { run, scripts, temporary } from "./job-harness.ts";

function script(text: string): string {
  const path = join(temporary(), "hook.sh");
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}
const withHooks = (hooks: Record<string, string>) => {
  for (const [name, path] of Object.entries(hooks)) vi.stubEnv(`ACTIONS_RUNNER_HOOK_JOB_${name}`, path);
  return () => vi.unstubAllEnvs();
};

test("hooks run first and last as steps, and their GITHUB_ENV reaches the job", async () => {
  const restore = withHooks({
    STARTED: script('echo "hook sees $GITHUB_REPOSITORY"; echo "FROM_HOOK=yes" >> "$GITHUB_ENV"'),
    COMPLETED: script('echo "completed after ${FROM_HOOK}"'),
  });
  const { result, log } = await run({ steps: scripts({ a: 'echo "job sees $FROM_HOOK"', b: "exit 1" }) });
  restore();
  expect(result.stepResults.map(({ name, conclusion }) => [name, conclusion])).toEqual([
    ["Set up runner", "succeeded"],
    [`Run echo "job sees $FROM_HOOK"`, "succeeded"],
    ["Run exit 1", "failed"],
    ["Complete runner", "succeeded"],
  ]);
  expect(log).toContain("A job started hook has been configured by the self-hosted runner administrator");
  expect(log).toContain("hook sees acme/widgets");
  expect(log).toContain("job sees yes");
  expect(log).toContain("completed after yes");
});

test("a hook that fails, or is not there, fails the job", async () => {
  const restore = withHooks({ STARTED: script("exit 4"), COMPLETED: "/nowhere/hook.sh" });
  const { result, log, steps } = await run({ steps: scripts({ a: "true" }) });
  restore();
  expect(result.conclusion).toBe("failed");
  expect(steps).toEqual({ __hook_started: "failed", a: "skipped", __hook_completed: "failed" });
  expect(log).toContain("Process completed with exit code 4.");
  expect(log).toContain("File doesn't exist");
});
