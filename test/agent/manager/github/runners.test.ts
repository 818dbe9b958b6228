/** Runner records and archives. */
import { expect, test } from "vitest";
import { defaultTimings } from "../../../../agent/manager/github/timings.ts";
import { eventually, signal, started } from "./harness.ts";
import { downloads, refusal } from "./script.ts";

const listening = async (
  prepare?: Parameters<typeof started>[0],
  options?: Parameters<typeof started>[1],
) => {
  const made = await started(prepare, options);
  await eventually(() => expect(made.script.calls("poll")).toHaveLength(1));
  return made;
};

test("a runner is registered in the pool's set, for the work folder _work", async () => {
  const { github, script } = await listening();
  const { runnerId, jitConfig } = await github.mint("a", "r1", signal());
  expect(jitConfig).toBe("jit-of-r1");
  expect(script.agents).toMatchObject([{ id: runnerId, name: "r1", runnerScaleSetId: 1 }]);
  expect(script.calls("jit")[0]!.body).toEqual({ name: "r1", workFolder: "_work" });
});

test("a burst of 50 registrations is not spaced", async () => {
  const { github } = await listening();
  const beganMs = performance.now();
  await Promise.all(Array.from({ length: 50 }, (_, index) => github.mint("a", `r${index}`, signal())));
  // The throttling plugin would take 50 s.
  expect(performance.now() - beganMs).toBeLessThan(10_000);
});

test("a registration whose answer was lost is made again: the record that it left is deleted first", async () => {
  const { github, script } = await listening();
  script.next("jit", ({ body }) => {
    script.agents.push({ id: 7, name: (body as { name: string }).name, runnerScaleSetId: 1 });
    return "reset";
  });
  const { runnerId } = await github.mint("a", "r1", signal());
  expect(runnerId).not.toBe(7);
  expect(script.agents.map(({ id }) => id)).toEqual([runnerId]);
});

test("a name that is refused although nobody has it is tried again", async () => {
  const { github, script } = await listening((server) =>
    server.next("jit", refusal(409, "AgentExistsException")),
  );
  await github.mint("a", "r1", signal());
  expect(script.calls("agents.list")[0]!.query["agentName"]).toBe("r1");
});

test("a runner of somebody else's set keeps its name", async () => {
  const { github, script } = await listening((server) =>
    server.agents.push({ id: 7, name: "r1", runnerScaleSetId: 99 }),
  );
  const error = await github.mint("a", "r1", signal()).catch((thrown: unknown) => thrown);
  expect(github.classify(error, "a")).toMatchObject({
    reason: "bad-request",
    scope: { on: "github", key: "a" },
  });
  expect(script.agents).toHaveLength(1);
});

test("a record that is looked for by its name alone is deleted only where its set is this stack's", async () => {
  const { github, script } = await listening((server) =>
    server.agents.push(
      { id: 7, name: "theirs", runnerScaleSetId: 99 },
      { id: 8, name: "ours", runnerScaleSetId: 1 },
    ),
  );
  expect(await github.remove("a", { id: null, name: "theirs" }, signal())).toBe("gone");
  expect(await github.remove("a", { id: null, name: "ours" }, signal())).toBe("gone");
  expect(script.agents).toMatchObject([{ id: 7, name: "theirs" }]);
});

test.each([
  [{ status: 429, headers: { "retry-after": "30" } }, "throttled", 30_000],
  [{ status: 403, headers: { "retry-after": "5" } }, "throttled", 5_000],
  [{ status: 503 }, "unavailable", null],
  ["reset" as const, "unavailable", null],
  [refusal(403, "AccessDeniedException"), "denied", null],
  [refusal(400, "ArgumentException"), "bad-request", null],
  [{ status: 200, json: {} }, "unavailable", null],
])("a registration answered by %j fails as %s", async (fault, reason, retryAfterMs) => {
  const { github } = await listening((server) => server.always("jit", fault));
  const error = await github.mint("a", "r1", signal()).catch((thrown: unknown) => thrown);
  expect(github.classify(error, "a")).toMatchObject({ reason, retryAfterMs });
});

test("before GitHub named the pool's set a registration fails as unavailable, at once", async () => {
  const { github } = await started((server) =>
    server.always("session.create", "hang").always("sets.list", "hang"),
  );
  const error = await github.mint("a", "r1", signal()).catch((thrown: unknown) => thrown);
  expect(github.classify(error, "a").reason).toBe("unavailable");
});

test("a registration that finds the set gone makes the pool look for another", async () => {
  const { github, script } = await listening();
  script.sets.clear();
  script.next("jit", refusal(404, "RunnerScaleSetNotFoundException"));
  await expect(github.mint("a", "r1", signal())).rejects.toThrow("404");
  await eventually(() => expect(script.calls("sets.create")).toHaveLength(2));
});

test("a registration ends when its caller gives up", async () => {
  const { github } = await listening((server) => server.always("jit", "hang"));
  const controller = new AbortController();
  const minting = github.mint("a", "r1", controller.signal).catch((thrown: unknown) => thrown);
  controller.abort(new Error("registering r1: no answer within 60 s"));
  expect(github.classify(await minting, "a")).toMatchObject({ reason: "unavailable" });
});

test("removing: gone by id, gone when it is not there, busy when a job runs", async () => {
  const { github, script } = await listening();
  const { runnerId } = await github.mint("a", "r1", signal());
  script.next("agents.delete", refusal(400, "JobStillRunningException"));
  expect(await github.remove("a", { id: runnerId, name: "r1" }, signal())).toBe("busy");
  expect(await github.remove("a", { id: runnerId, name: "r1" }, signal())).toBe("gone");
  expect(await github.remove("a", { id: runnerId, name: "r1" }, signal())).toBe("gone");
});

test("removing by name, where the id was never learnt", async () => {
  const { github, script } = await listening();
  await github.mint("a", "r1", signal());
  expect(await github.remove("a", { id: null, name: "r1" }, signal())).toBe("gone");
  expect(script.agents).toEqual([]);
  expect(await github.remove("a", { id: null, name: "r1" }, signal())).toBe("gone");
});

test("removing while GitHub fails rejects with what to do next", async () => {
  const { github } = await listening((server) => server.always("agents.delete", { status: 502 }));
  const error = await github.remove("a", { id: 4, name: "r1" }, signal()).catch((thrown: unknown) => thrown);
  expect(github.classify(error, "a").reason).toBe("unavailable");
});

test("an archive has its version, digest and address, for each architecture", async () => {
  const { github, script } = await started();
  expect(await github.archive("arm64", signal())).toEqual({
    version: "2.336.0",
    sha256: "b".repeat(64),
    urls: [
      "https://github.com/actions/runner/releases/download/v2.336.0/actions-runner-linux-arm64-2.336.0.tar.gz",
    ],
  });
  expect((await github.archive("x64", signal())).sha256).toBe("a".repeat(64));
  expect(script.calls("downloads")).toHaveLength(1);
});

test("a new archive is seen in the background; while GitHub fails the last one serves", async () => {
  const { github, script, lines } = await started(undefined, {
    timings: { archiveFreshMs: 30, archiveRetryMs: 10, attempts: 1 },
  });
  const version = async () => (await github.archive("x64", signal())).version;
  expect(await version()).toBe("2.336.0");
  script.always("downloads", { status: 503 });
  await eventually(async () => {
    expect(await version()).toBe("2.336.0");
    expect(lines.some((line) => line.includes("no news of runner versions"))).toBe(true);
  });
  script.always("downloads", { json: downloads("2.337.0") });
  await eventually(async () => expect(await version()).toBe("2.337.0"));
});

test("a day is the longest that a new runner version stays unseen", () => {
  expect(defaultTimings.archiveFreshMs).toBeLessThanOrEqual(24 * 3_600_000);
});

test.each([
  ["riscv64", downloads("2.336.0"), "offers no runner for linux riscv64. It offers: linux x64, linux arm64"],
  [
    "x64",
    downloads("2.336.0").map((item) => ({ ...item, sha256_checksum: undefined })),
    "without a version or a SHA-256",
  ],
])("no archive for %s is unsupported, with what there is", async (arch, json, words) => {
  const { github } = await started((server) => server.always("downloads", { json }));
  const error = await github.archive(arch, signal()).catch((thrown: unknown) => thrown);
  expect(github.classify(error, "a")).toMatchObject({ reason: "unsupported" });
  expect((error as Error).message).toContain(words);
});
