import { expect, test } from "vitest";
import type { AwsLeftovers } from "../../../../agent/cli/aws/leftovers.ts";
import { sweepAtAws, type AwsSweepFlags } from "../../../../agent/cli/aws/sweep.ts";
import { CliError } from "../../../../agent/cli/errors.ts";
import { drainOptions, machine, makeWorld, never, sweepOptions } from "../../leaving/world.ts";

const state = { sweep: sweepOptions, drain: drainOptions };
const hour = 3_600_000;

/** A stack whose manager reported `silentMs` ago. */
const stackAt = (silentMs: number | null) => {
  const { world, deps, finish } = makeWorld();
  if (silentMs !== null) world.status(null, world.clock.now() - silentMs);
  const traces = { sets: ["muster-dev-arm64"], runners: ["arm64-1"] };
  world.forget = () => {
    traces.sets = [];
    traces.runners = [];
    return Promise.resolve([]);
  };
  const printed: string[] = [];
  const asked: string[] = [];
  const run = async (flags: Partial<AwsSweepFlags> = {}, answer: boolean | CliError = true) => {
    let code: number | null = null;
    const error = await finish(
      sweepAtAws(
        state,
        { list: false, yes: false, force: false, json: false, ...flags },
        {
          ...deps,
          traces: () => Promise.resolve(structuredClone(traces)),
          print: (line) => void printed.push(line),
          columns: 100,
          confirmed: (question) => {
            asked.push(question);
            return answer instanceof CliError ? Promise.reject(answer) : Promise.resolve(answer);
          },
        },
        never,
      ).then((ended) => void (code = ended)),
    );
    return { code: code as number | null, error };
  };
  const add = () => {
    world.add(machine("i-1", { sinceMs: world.clock.now() - 3 * hour }), machine("i-2", { pool: null }));
    world.leftovers.set("vol-1", { id: "vol-1", kind: "volume", free: true, sinceMs: world.clock.now() });
    world.leftovers.set("eni-1", { id: "eni-1", kind: "network interface", free: true });
  };
  return { world, traces, printed, asked, run, add };
};

test("--list shows machines, volumes, interfaces, sets and records with their age, and touches nothing", async () => {
  const { run, add, printed, asked, world, traces } = stackAt(20 * 60_000);
  add();
  expect(await run({ list: true })).toEqual({ code: 0, error: null });
  expect(printed).toEqual([
    "stack    muster/dev at AWS",
    "manager  does not run: it last reported 20 min 00 s ago",
    "",
    "what               id or name        where         state                          for",
    "machine            i-1               eu-central-1  running, pool arm64     3 h 00 min",
    "machine            i-2               eu-central-1  running, pool not said           -",
    "volume             vol-1             eu-central-1  not attached                 0.0 s",
    "network interface  eni-1             eu-central-1  not attached                     -",
    "scale set          muster-dev-arm64  GitHub                                         -",
    "runner record      arm64-1           GitHub                                         -",
  ]);
  expect([asked, world.terminated, traces.sets.length]).toEqual([[], [], 1]);
});

test("without a manager everything goes after a yes, and the exit code says so", async () => {
  const { run, add, printed, asked, world } = stackAt(20 * 60_000);
  add();
  expect(await run()).toEqual({ code: 0, error: null });
  expect(asked).toEqual(["End and remove all of this?"]);
  expect([world.machines().size, world.leftovers.size]).toEqual([0, 0]);
  expect(printed.at(-1)).toContain("npm run pulumi -- destroy -s dev removes it");
});

test("a no, and nobody to ask, end nothing", async () => {
  const { run, add, world } = stackAt(null);
  add();
  expect(await run({}, false)).toEqual({ code: null, error: "nothing was done." });
  expect((await run({}, new CliError("nobody can be asked here"))).error).toContain("nobody can be asked");
  expect(world.terminated).toEqual([]);
});

test("beside a manager that lives it ends nothing, also with --yes, and names destroy and --force", async () => {
  const { run, add, world, asked } = stackAt(30_000);
  add();
  const { error } = await run({ yes: true });
  expect(error).toContain("the manager of dev lives: it ends what is left over by itself");
  expect(error).toContain("jobs on these 2 machines would be interrupted. Nothing was done.");
  expect(error).toContain("npm run pulumi -- destroy -s dev");
  expect(error).toContain("npm run muster -- sweep -s dev --force");
  expect([world.terminated, asked]).toEqual([[], []]);
  expect(await run({ yes: true, force: true })).toEqual({ code: 0, error: null });
  expect(world.machines().size).toBe(0);
});

test("a manager of whom nobody can tell is taken for one that lives", async () => {
  const { deps, finish, world } = makeWorld();
  world.add(machine("i-1"));
  const bucket = () => ({ ...deps.bucket("", ""), read: () => Promise.reject(new Error("AccessDenied")) });
  const error = await finish(
    sweepAtAws(
      state,
      { list: false, yes: true, force: false, json: true },
      {
        ...deps,
        bucket,
        traces: () => Promise.resolve({ sets: [], runners: [] }),
        print: () => {},
        columns: 100,
        confirmed: () => Promise.resolve(true),
      },
      never,
    ).then(() => {}),
  );
  expect(error).toContain("whether the manager of dev lives is not known (AccessDenied)");
  expect(error).toContain("jobs on this machine would be interrupted");
  expect(world.terminated).toEqual([]);
});

test("what stays at AWS is named, and at GitHub without a credential what may remain", async () => {
  const { run, add, world, printed } = stackAt(null);
  add();
  world.protected.add("i-1");
  const { code, error } = await run({ yes: true });
  expect([code, error]).toEqual([null, expect.stringContaining("OperationNotPermitted: i-1") as string]);
  world.protected.clear();
  world.secret = () => Promise.reject(new Error("ParameterNotFound"));
  printed.length = 0;
  expect(await run({ yes: true })).toEqual({ code: 1, error: null });
  expect(printed).toContain("github   https://github.com/acme: not looked at: ParameterNotFound");
  expect(world.said.join()).toContain("muster-dev-arm64, muster-dev-gpu");
});

test("where nothing is left it asks nobody and says so", async () => {
  const { run, traces, printed, asked } = stackAt(null);
  traces.sets = [];
  traces.runners = [];
  expect(await run()).toEqual({ code: 0, error: null });
  expect([printed.at(-1), asked]).toEqual(["nothing is left", []]);
});

test("for programs there is one line: what there is, or before and after", async () => {
  const { run, add, printed } = stackAt(null);
  add();
  await run({ list: true, json: true });
  const [line, ...more] = printed.splice(0);
  expect(more).toEqual([]);
  expect(JSON.parse(line!) as AwsLeftovers).toMatchObject({
    stack: "muster/dev",
    manager: { is: "silent", silentMs: null, problem: null },
    machines: [{ id: "i-1", region: "eu-central-1", pool: "arm64", state: "running" }, { id: "i-2" }],
    leftovers: [{ id: "vol-1", kind: "volume", free: true }, { id: "eni-1" }],
    github: { sets: ["muster-dev-arm64"], runners: ["arm64-1"], problem: null },
  });
  await run({ yes: true, json: true });
  expect(printed.length).toBe(1);
  const { before, after } = JSON.parse(printed[0]!) as Record<"before" | "after", AwsLeftovers>;
  expect([before.machines.length, after.machines.length, after.github.sets]).toEqual([2, 0, []]);
});

test("AWS's refusal is a sentence and no stack", async () => {
  const { deps, finish } = makeWorld();
  const refused = Promise.reject(new Error("listing machines in eu-central-1: UnauthorizedOperation: no"));
  refused.catch(() => {});
  const region = (name: string, stack: string) => ({ ...deps.region(name, stack), machines: () => refused });
  let kind = "";
  await finish(
    sweepAtAws(
      state,
      { list: true, yes: false, force: false, json: false },
      {
        ...deps,
        region,
        traces: () => Promise.resolve({ sets: [], runners: [] }),
        print: () => {},
        columns: 100,
        confirmed: () => Promise.resolve(true),
      },
      never,
    ).catch((error: Error) => {
      kind = `${error.name}: ${error.message}`;
    }) as Promise<void>,
  );
  expect(kind).toBe("CliError: listing machines in eu-central-1: UnauthorizedOperation: no");
});
