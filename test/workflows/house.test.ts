// What holds for every workflow here, this repository's and those for users.
import { describe, expect, test } from "vitest";
import { files, stepsOf, textOf, workflow } from "./workflows.ts";

test("the files are those that the documents speak of", () => {
  expect(files).toEqual([
    ".github/workflows/ci.yml",
    ".github/workflows/preview.yml",
    ".github/workflows/pulumi.yml",
    ".github/workflows/up.yml",
    "examples/workflows/ci-amd64.yml",
    "examples/workflows/ci-arm64.yml",
    "examples/workflows/ci-pre-checks.yml",
    "examples/workflows/docker-arm64.yml",
    "examples/workflows/gpu.yml",
    "examples/workflows/sweep.yml",
  ]);
});

describe.each(files)("%s", (file) => {
  test("pins every action by its commit and says which version that is", () => {
    const uses = textOf(file).match(/\buses: .*/g) ?? [];
    for (const line of uses)
      expect(line).toMatch(
        /^uses: (\.\/\.github\/workflows\/[a-z-]+\.yml|[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$/,
      );
  });

  test("puts no expression into a script: values come through the environment", () => {
    for (const { run } of stepsOf(file)) expect(run ?? "").not.toContain("${{");
  });

  test("names its rights, and none writes to the repository's contents", () => {
    const { permissions, jobs } = workflow(file);
    expect(permissions).toBeTypeOf("object");
    expect(Object.values(permissions!)).not.toContain("write");
    for (const job of Object.values(jobs))
      for (const [right, level] of Object.entries(job.permissions ?? {}))
        if (level === "write") expect(["id-token", "pull-requests", "packages"]).toContain(right);
  });

  test("leaves no token behind in the checkout", () => {
    for (const step of stepsOf(file))
      if (step.uses?.startsWith("actions/checkout@"))
        expect(step.with).toMatchObject({ "persist-credentials": false });
  });

  test("gives every job a time limit", () => {
    for (const job of Object.values(workflow(file).jobs))
      if (job.uses === undefined) expect(job["timeout-minutes"]).toBeGreaterThan(0);
  });

  test("runs no package's install scripts", () => {
    for (const { run } of stepsOf(file))
      for (const line of run?.match(/npm (ci|install).*/g) ?? [])
        expect(line).toMatch(/^npm ci --ignore-scripts( |$)/);
  });
});
