import { createServer } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { EngineMissing } from "../../../tools/engine/find.ts";
import { PulumiFailed, type LocalStack } from "../../../tools/engine/local-stack.ts";
import { errorLines } from "../../../tools/start/errors.ts";
import {
  configure,
  destroy,
  freePort,
  pools,
  resourceCount,
  stackError,
} from "../../../tools/start/stack.ts";

const ran = (code: number, stdout = "", stderr = "") => ({ code, stdout, stderr, timedOut: false });

/** A stack that answers from a table and notes what it was asked. */
const fakeStack = (answers: Record<string, ReturnType<typeof ran>> = {}, failures = 0) => {
  const asked: string[] = [];
  const config: Record<string, unknown> = {};
  let left = failures;
  const pulumi: LocalStack["pulumi"] = (args) => {
    asked.push(args.join(" "));
    return Promise.resolve(answers[args.join(" ")] ?? ran(0));
  };
  const stack: Pick<LocalStack, "pulumi" | "setConfig" | "setSecret" | "destroy"> = {
    pulumi,
    setConfig: (values) => Promise.resolve(void Object.assign(config, values)),
    setSecret: (name) => Promise.resolve(void asked.push(`secret ${name}`)),
    destroy: () => {
      asked.push("destroy");
      return left-- > 0 ? Promise.reject(new PulumiFailed(["destroy"], ran(1, "locked"))) : Promise.resolve();
    },
  };
  return { stack: stack as LocalStack, asked, config };
};

describe("the settings that npm start writes", () => {
  it("name GitHub, a free port and two pools for the simulator", async () => {
    const { stack, config, asked } = fakeStack();
    await configure(stack, {
      url: "http://127.0.0.1:4000/acme/widgets",
      token: "t",
      simulated: true,
      reads: ["/src"],
    });
    expect(config).toMatchObject({ github: { url: "http://127.0.0.1:4000/acme/widgets" }, pools });
    expect(config["manager"]).toMatchObject({ drainTimeout: "2m", readable: ["/src"] });
    expect(JSON.stringify(config)).not.toContain('"t"');
    expect(asked).toContain("secret githubToken");
  });

  it("leave the pools alone that somebody set for a real GitHub", async () => {
    const wanted = { url: "https://github.com/acme/widgets", token: "t", simulated: false, reads: [] };
    const own = fakeStack({
      "config get muster:pools": ran(0, "{}"),
      "config get muster:manager": ran(0, '{"readable":["/sdk"],"port":1}'),
    });
    await configure(own.stack, wanted);
    expect(own.config).not.toHaveProperty("pools");
    expect(own.config["manager"]).toMatchObject({ readable: ["/sdk"] });
    const first = fakeStack({ "config get muster:pools": ran(255, "", "not found") });
    await configure(first.stack, wanted);
    expect(first.config).toHaveProperty("pools");
  });
});

describe("a free port", () => {
  it("is the usual one, or another when that is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    expect(await freePort(port)).not.toBe(port);
    server.close();
    await once(server, "close");
    expect(await freePort(port)).toBe(port);
  });
});

describe("the resources of a stack", () => {
  it("are counted without the stack's own entry", async () => {
    const resources = [{ type: "pulumi:pulumi:Stack" }, { type: "command:local:Command" }];
    const exported = (deployment: unknown) => ({ "stack export": ran(0, JSON.stringify({ deployment })) });
    expect(await resourceCount(fakeStack(exported({ resources })).stack)).toBe(1);
    expect(await resourceCount(fakeStack(exported({})).stack)).toBe(0);
  });
});

describe("destroying", () => {
  it("is tried once more after an interrupt left a lock", async () => {
    const { stack, asked } = fakeStack({}, 1);
    await destroy(stack, () => {});
    expect(asked).toEqual(["destroy", "cancel --yes", "destroy"]);
  });

  it("fails when it fails twice", async () => {
    await expect(destroy(fakeStack({}, 2).stack, () => {})).rejects.toThrow(PulumiFailed);
  });
});

describe("what went wrong", () => {
  it("is a sentence, the end of the log and the cure", () => {
    const failed = new PulumiFailed(["up"], ran(1, "Updating (local)\n\n", "error: muster:pools is wrong\n"));
    expect(errorLines(stackError("pulumi up", failed))).toEqual([
      "npm start failed: pulumi up failed (exit code 1).",
      "The end of the log:",
      "  | Updating (local)",
      "  | error: muster:pools is wrong",
      "What to do: the lines above name the cause; after mending it run npm start again.",
    ]);
  });

  it("names the four ways to an engine", () => {
    const missing = new EngineMissing({ path: "none", cache: "empty", download: "offline", build: "no Go" });
    const lines = errorLines(stackError("opening", missing));
    expect(lines[0]).toContain("no Pulumi engine");
    expect(lines.join("\n")).toContain("building it from its Go modules: no Go");
    expect(lines.at(-1)).toMatch(/^What to do: Install it/);
  });

  it("is passed on when it is something else", () => {
    const error = new Error("disk full");
    expect(stackError("pulumi up", error)).toBe(error);
    expect(errorLines(error)[0]).toBe("npm start failed: disk full");
  });
});
