// Which pull requests are previewed at once, which wait, and that there is one comment.
import { afterEach, describe, expect, test } from "vitest";
import { runStep, step, workflow, type Ran } from "./workflows.ts";

const pulumi = ".github/workflows/pulumi.yml";
const preview = ".github/workflows/preview.yml";
const { jobs, on } = workflow(pulumi);
let ran: Ran | undefined;
afterEach(() => ran?.remove());

describe("what counts as settings alone", () => {
  const files = step(pulumi, "kind", "files");
  const kind = async (names: string[], changed = names.length) => {
    const env = { REPOSITORY: "acme/muster", NUMBER: "7", CHANGED: String(changed), NAMES: names.join("\n") };
    ran = await runStep(files, env, { gh: '[ -z "$NAMES" ] || printf "%s\\n" "$NAMES"' });
    expect(ran.code).toBe(0);
    return ran.outputs;
  };

  test.each([[["Pulumi.dev.yaml"]], [["Pulumi.dev.yaml", "Pulumi.prod.yaml"]], [["Pulumi.team-2.yaml"]]])(
    "%j",
    async (names) => {
      expect(await kind(names)).toBe("settings=true\n");
    },
  );

  test.each([
    [["Pulumi.yaml"]],
    [["infra/index.ts"]],
    [["Pulumi.dev.yaml", "package-lock.json"]],
    [["infra/Pulumi.dev.yaml"]],
    [["Pulumi.dev.yaml.ts"]],
    [["xPulumi.dev.yaml"]],
    [[]],
  ])("not %j", async (names) => {
    expect(await kind(names)).toBe("settings=false\n");
  });

  test("nor a pull request with more files than GitHub lists", async () => {
    expect(await kind(["Pulumi.dev.yaml"], 3001)).toBe("settings=false\n");
  });

  test("nor anything of a fork: the first job asks whose branch it is, and all others wait for it", () => {
    expect(jobs["kind"]!.if).toContain("github.event.pull_request.head.repo.full_name == github.repository");
    expect([jobs["settings"]!.needs, jobs["code"]!.needs]).toEqual(["kind", "kind"]);
    expect(jobs["comment"]!.needs).toEqual(["settings", "code"]);
  });
});

describe("whose code runs with which rights", () => {
  test("where this file comes from the base branch, only the base branch's program runs", () => {
    expect(on).toHaveProperty("pull_request_target");
    const { if: when, with: given } = jobs["settings"]!;
    expect(when).toContain("github.event_name == 'pull_request_target'");
    expect(given).toMatchObject({
      environment: "preview",
      program: "${{ github.event.pull_request.base.sha }}",
    });
    for (const [name, job] of Object.entries(jobs))
      if (name !== "settings") expect(JSON.stringify(job)).not.toContain("actions/checkout");
  });

  test("a pull request's own code runs in the environment that asks for an approval", () => {
    const { if: when, with: given } = jobs["code"]!;
    expect(when).toContain("github.event_name == 'pull_request' &&");
    expect(given).toMatchObject({
      environment: "preview-code",
      program: "${{ github.event.pull_request.head.sha }}",
    });
  });

  test("what executes a program cannot write to the pull request, and what writes executes none", () => {
    for (const name of ["settings", "code"])
      expect(jobs[name]!.permissions).toEqual({ contents: "read", "id-token": "write" });
    expect(jobs["comment"]!.permissions).toEqual({ "pull-requests": "write" });
    expect(JSON.stringify(jobs["comment"]!.steps)).not.toMatch(/npm|checkout/);
  });

  test("previews have the reading role, updates their stack's, and neither is ever interrupted", () => {
    const { preview: looking } = workflow(preview).jobs;
    const { up } = workflow(".github/workflows/up.yml").jobs;
    expect(JSON.stringify(looking!.steps)).toContain("vars.AWS_PREVIEW_ROLE");
    expect(JSON.stringify(up!.steps)).toContain("vars.AWS_ROLE");
    expect(up!.environment).toBe("${{ inputs.stack }}");
    expect(up!.concurrency).toEqual({ group: "pulumi-${{ inputs.stack }}", "cancel-in-progress": false });
    expect(looking!.concurrency?.["cancel-in-progress"]).toBe(false);
  });

  test("updates follow the main branch alone, prod after dev", () => {
    expect(on["push"]).toEqual({ branches: ["main"] });
    for (const name of ["dev", "prod"]) expect(jobs[name]!.if).toContain("github.event_name == 'push'");
    expect(jobs["prod"]!.needs).toBe("dev");
    expect(jobs["prod"]!.if).toContain("needs.dev.result == 'success'");
  });
});

test("the settings of the pull request come as contents of their files", async () => {
  ran = await runStep(
    step(preview, "preview", "The settings of the pull request"),
    { REPOSITORY: "acme/muster", STACKS: '["dev","prod"]', SETTINGS: "c0ffee" },
    { gh: 'echo "$*"' },
  );
  expect(ran.code).toBe(0);
  expect(await ran.file("Pulumi.dev.yaml")).toContain(
    "repos/acme/muster/contents/Pulumi.dev.yaml?ref=c0ffee",
  );
  expect(await ran.file("Pulumi.prod.yaml")).toContain("contents/Pulumi.prod.yaml?ref=c0ffee");
});

test("one failed preview does not keep the others from the comment, and fails the job after it", async () => {
  const npm = `case "$*" in
    *preview-comment*) echo "<!-- muster:preview -->"; echo "$*" ;;
    *"--stack dev "*) exit 1 ;;
  esac`;
  ran = await runStep(
    step(preview, "preview", "Preview"),
    { STACKS: '["dev","prod"]', SETTINGS: "c0ffee" },
    { npm },
  );
  expect(ran.code).toBe(0);
  const comment = await ran.file("comment.md");
  expect(comment).toMatch(/preview-comment -- c0ffee dev=\S+\/dev\.events prod=\S+\/prod\.events/);
  expect(await ran.file("failed")).toBe("dev\n");
  const verdict = step(preview, "preview", "Whether every preview succeeded");
  const bad = await runStep(verdict, { RUNNER_TEMP: ran.folder });
  await bad.remove();
  expect(bad).toMatchObject({ code: 1, output: "::error::failed, as the comment says: dev\n" });
});

describe("the comment", () => {
  const post = workflow(pulumi).jobs["comment"]!.steps![1]!;
  /** GitHub with these comments, by id, that fit the filter. */
  const gh = (ids: string) =>
    `case "$*" in *--jq*) [ -z "${ids}" ] || printf '${ids}\\n' ;; *) echo "$*" >> "$RUNNER_TEMP/calls" ;; esac`;
  const run = async (ids: string, text = "<!-- muster:preview -->\nbody\n") => {
    const script = { run: `mkdir preview; printf '%s' "$TEXT" > preview/comment.md\n${post.run}` };
    ran = await runStep(script, { REPOSITORY: "acme/muster", NUMBER: "7", TEXT: text }, { gh: gh(ids) });
    return ran;
  };

  test("is made when there is none", async () => {
    expect((await run("")).code).toBe(0);
    expect(await ran!.file("calls")).toMatch(/^api repos\/acme\/muster\/issues\/7\/comments -F body=@/);
  });

  test("is updated when there is one, and never doubled", async () => {
    expect((await run("41\\n42")).code).toBe(0);
    expect(await ran!.file("calls")).toMatch(
      /^api --method PATCH repos\/acme\/muster\/issues\/comments\/41 .*\n$/,
    );
  });

  test("is nothing else than what the script writes", async () => {
    expect((await run("", "something else\n")).code).not.toBe(0);
  });
});
