import { expect, test } from "vitest";
import { makeWorkflow } from "./run.ts";
import { event, file, make, problemsOf, steps } from "./sample.ts";

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
