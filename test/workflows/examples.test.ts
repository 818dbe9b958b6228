// The pipelines for users: where their jobs go, and that a job for ARM64 cannot pass on x64.
import { arch } from "node:os";
import { afterEach, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import type { ReadyJob } from "../github/wire.ts";
import { makeWorkflow } from "../github/workflow/run.ts";
import { event } from "../github/workflow/sample.ts";
import { runStep, step, workflow, type Ran } from "./workflows.ts";

const folder = "examples/workflows";
type EventName = "push" | "workflow_dispatch";

/** What GitHub would start. The simulator refuses actions that it does not know, and they change no runs-on. */
const jobsOf = async (name: string, eventName: EventName): Promise<readonly ReadyJob[]> => {
  const document = workflow(`${folder}/${name}.yml`);
  for (const job of Object.values(document.jobs))
    job.steps = job.steps!.filter(({ uses }) => uses === undefined || uses.startsWith("actions/"));
  const text = stringify(document);
  const logic = await makeWorkflow(text, `.github/workflows/${name}.yml`, { ...event, eventName });
  return logic.ready();
};

test.each<[string, EventName, string[][]]>([
  ["ci-pre-checks", "push", [["ubuntu-24.04"]]],
  ["ci-amd64", "push", [["ubuntu-24.04"]]],
  ["ci-amd64", "workflow_dispatch", [["ubuntu-24.04"]]],
  ["ci-arm64", "push", [["self-hosted", "linux", "ARM64"]]],
  ["ci-arm64", "workflow_dispatch", [["self-hosted", "linux", "ARM64"]]],
  ["docker-arm64", "push", [["self-hosted", "linux", "ARM64"]]],
  ["gpu", "push", [["self-hosted", "linux", "gpu-arm64"]]],
  ["gpu", "workflow_dispatch", [["self-hosted", "linux", "gpu-arm64"]]],
  ["sweep", "workflow_dispatch", [["ubuntu-24.04"]]],
])("%s on %s goes to %j", async (name, eventName, labels) => {
  expect((await jobsOf(name, eventName)).map((job) => job.runsOn)).toEqual(labels);
});

test("the pipeline whose labels hang on an input of a dispatch would leave the pool on a push", async () => {
  const text = `on: { push: , workflow_dispatch: { inputs: { runner: { type: choice, options: [self-hosted, github-hosted], default: self-hosted } } } }
jobs:
  build:
    runs-on: \${{ inputs.runner == 'self-hosted' && fromJSON('["self-hosted", "linux", "ARM64"]') || 'ubuntu-latest' }}
    steps: [{ run: ":" }]
`;
  const on = async (eventName: EventName) => {
    const logic = await makeWorkflow(text, ".github/workflows/old.yml", { ...event, eventName });
    return logic.ready()[0]!.runsOn;
  };
  expect(await on("workflow_dispatch")).toEqual(["self-hosted", "linux", "ARM64"]);
  expect(await on("push")).toEqual(["ubuntu-latest"]);
});

describe("the architecture check of ci-arm64", () => {
  const check = step(`${folder}/ci-arm64.yml`, "build", "This is an ARM64 machine");
  let ran: Ran;
  afterEach(() => ran.remove());

  test("fails here unless this is an ARM64 machine", async () => {
    ran = await runStep(check);
    expect(ran.code).toBe(arch() === "arm64" ? 0 : 1);
  });

  test("fails on x64, naming the machine and where to look", async () => {
    ran = await runStep(check, {}, { uname: "echo x86_64" });
    expect(ran.code).toBe(1);
    expect(ran.output).toMatch(/^::error::.* this one is x86_64\. Look at runs-on/);
  });

  test("passes on ARM64", async () => {
    ran = await runStep(check, {}, { uname: "echo aarch64" });
    expect(ran).toMatchObject({ code: 0, output: "" });
  });

  test("is the first step, so that nothing is built before", async () => {
    const [job] = await jobsOf("ci-arm64", "push");
    expect(job!.message.steps[0]).toMatchObject({ name: "This is an ARM64 machine" });
    expect(job!.message.timeoutMinutes).toBe(15);
    ran = await runStep({ run: ":" });
  });
});

describe("the check of gpu", () => {
  const check = step(`${folder}/gpu.yml`, "gpu", "There is a GPU");
  let ran: Ran;
  afterEach(() => ran.remove());

  test("fails where no GPU answers", async () => {
    ran = await runStep(check, {}, { "nvidia-smi": "exit 9" });
    expect(ran.code).toBe(1);
    expect(ran.output).toContain("::error::No GPU answers");
  });

  test("passes where one does", async () => {
    ran = await runStep(check, {}, { "nvidia-smi": "echo 'NVIDIA T4G, 15360 MiB, 550.1'" });
    expect(ran.code).toBe(0);
  });
});

test("sweep lists on its schedule, and ends only when somebody says so", async () => {
  const sweep = step(`${folder}/sweep.yml`, "sweep", "Sweep");
  const npm = { npm: 'echo "npm $*"' };
  const listed = await runStep(sweep, { STACK: "dev", END: "false" }, npm);
  const ended = await runStep(sweep, { STACK: "prod", END: "true" }, npm);
  await Promise.all([listed.remove(), ended.remove()]);
  expect(listed.output).toBe("npm run --silent muster -- sweep --stack dev --list\n");
  expect(ended.output).toBe("npm run --silent muster -- sweep --stack prod --yes\n");
});
