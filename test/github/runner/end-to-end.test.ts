/** The real path of a run: a workflow file, the simulator, and one listener process a job. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startGitHub, type GitHubSimulator } from "../server.ts";
import { until } from "./fake-broker.ts";
import { Installed } from "./installed.ts";
import { temporary } from "./job-harness.ts";

const workflow = `
name: chain
on: { workflow_dispatch: { inputs: { who: { default: world } } } }
env: { GREETING: "hello \${{ inputs.who }}" }
jobs:
  plan:
    runs-on: [self-hosted, linux]
    outputs: { letters: "\${{ steps.p.outputs.letters }}" }
    steps:
      - uses: actions/checkout@v5
      - id: p
        run: echo "letters=$(cat letters.json)" >> "$GITHUB_OUTPUT"
  work:
    needs: plan
    strategy: { matrix: { letter: "\${{ fromJSON(needs.plan.outputs.letters) }}" } }
    runs-on: [self-hosted, linux]
    steps:
      - run: mkdir out && echo "$GREETING \${{ matrix.letter }}" > out/\${{ matrix.letter }}.txt
      - run: exit 1
        continue-on-error: true
      - uses: actions/upload-artifact@v4
        with: { name: "part-\${{ matrix.letter }}", path: out }
  gather:
    needs: work
    runs-on: [self-hosted, linux]
    steps:
      - uses: actions/download-artifact@v4
        with: { pattern: part-*, merge-multiple: true }
      - run: cat *.txt
`;

function source(): string {
  const root = temporary();
  mkdirSync(join(root, ".github/workflows"), { recursive: true });
  writeFileSync(join(root, ".github/workflows/chain.yml"), workflow);
  writeFileSync(join(root, "letters.json"), '["a","b"]');
  execFileSync("git", ["-C", root, "init", "-q"]);
  return root;
}

async function simulator(): Promise<GitHubSimulator> {
  const repositories = [{ owner: "acme", name: "widgets", workspaceSource: source() }];
  const github = await startGitHub({ repositories });
  onTestFinished(() => github.stop());
  return github;
}

let names = 0;

/** Registers a classic runner and starts its listener. */
async function startRunner(
  github: GitHubSimulator,
): Promise<{ name: string; installed: Installed; ended: Promise<number | null> }> {
  const name = `runner-${(names += 1)}`;
  const response = await fetch(`${github.apiUrl}/repos/acme/widgets/actions/runners/generate-jitconfig`, {
    method: "POST",
    headers: { authorization: `Bearer ${github.token}` },
    body: JSON.stringify({
      name,
      runner_group_id: 1,
      labels: ["self-hosted", "linux"],
      work_folder: "_work",
    }),
  });
  const { encoded_jit_config: config } = (await response.json()) as { encoded_jit_config: string };
  const installed = await Installed.make();
  onTestFinished(() => installed.remove());
  const running = installed.start("bin/Runner.Listener", ["run"], { ACTIONS_RUNNER_INPUT_JITCONFIG: config });
  return { name, installed, ended: running.ended };
}

test("a workflow with needs, matrix, outputs, artifacts and a failing step runs through, one runner a job", async () => {
  const github = await simulator();
  const { control } = github;
  const { id } = await control.dispatchWorkflow({ workflow: "chain.yml", inputs: { who: "you" } });
  const ends: Promise<number | null>[] = [];
  for (let jobs = 1; jobs <= 4; jobs += 1) {
    await control.until(() => control.jobs().length >= jobs, `job ${jobs}`);
    ends.push((await startRunner(github)).ended);
  }
  await control.wait({ what: "run-completed", run: id }, 25_000);
  expect(await Promise.all(ends)).toEqual([0, 0, 0, 0]);
  const run = control.run(id);
  expect(run.conclusion).toBe("success");
  expect(run.jobs.map((job) => [job.name, job.conclusion])).toEqual([
    ["plan", "succeeded"],
    ["work (a)", "succeeded"],
    ["work (b)", "succeeded"],
    ["gather", "succeeded"],
  ]);
  expect(run.jobs[3]!.log).toMatch(/hello you a\n.*hello you b\n/);
  expect(control.runners()).toEqual([]);
});

test("after its job a runner's copied credentials are refused", async () => {
  const github = await simulator();
  await github.control.dispatchJobs([{ labels: ["linux"], script: "true" }]);
  const { installed, ended } = await startRunner(github);
  const file = join(installed.root, ".credentials");
  let copied = "";
  await until("the credentials", () => {
    try {
      return (copied = readFileSync(file, "utf8")) !== "";
    } catch {
      return false;
    }
  });
  expect(await ended).toBe(0);
  const { Data } = JSON.parse(copied) as { Data: { clientId: string; authorizationUrl: string } };
  const form = new URLSearchParams({
    grant_type: "client_credentials",
    client_assertion: `${Data.clientId}.x.y`,
  });
  const answer = await fetch(Data.authorizationUrl, { method: "POST", body: form });
  expect(answer.status).toBe(400);
});

test("a run that is canceled ends its job on the runner", async () => {
  const github = await simulator();
  const { control } = github;
  const { id } = await control.dispatchJobs([{ labels: ["linux"], script: "echo begun; exec sleep 300" }]);
  const { ended } = await startRunner(github);
  await control.until(() => control.run(id).jobs[0]!.log.includes("begun\n"), "the step");
  control.cancelRun(id);
  expect(await ended).toBe(0);
  expect(control.run(id).jobs[0]).toMatchObject({ conclusion: "canceled", phase: "completed" });
});
