import { describe, expect, it } from "vitest";
import { parseDuration } from "../../../../agent/cli/verbs/drain.ts";
import { sampleState } from "../../manager/web/sample.ts";
import { muster, standIn } from "./rig.ts";

describe("muster drain", () => {
  it("passes the manager's progress on, and ends with 0 when no machine is left", async () => {
    const { directory, called } = await standIn({
      drain: (_, progress) => {
        progress("2 machines left: 1 busy, 0 ending, 1 idle");
        return Promise.resolve({ left: 0 });
      },
    });
    const { code, stdout, stderr } = await muster(["drain", "--timeout", "90s", "--directory", directory]);
    expect(code).toBe(0);
    expect(called).toEqual(["drain 90"]);
    expect(stderr).toBe("draining: 2 machines left: 1 busy, 0 ending, 1 idle\n");
    expect(stdout).toContain("drained: no machine is left.");
    expect(stdout).toContain("drain --undo");
  });

  it("names what is left when the time is over, and ends with 1", async () => {
    const { directory } = await standIn({ drain: () => Promise.resolve({ left: 10 }) });
    const { code, stdout } = await muster(["drain", "--timeout", "1s", "--directory", directory]);
    expect(code).toBe(1);
    expect(stdout).toContain("after 1s 10 machines are left:");
    expect(stdout).toContain("arm64-1f3a  busy  test (ubuntu, 24)");
    const json = await muster(["drain", "--timeout", "1s", "--json", "--directory", directory]);
    const { left } = JSON.parse(json.stdout) as { left: { id: string }[] };
    expect(left.map(({ id }) => id)).toEqual(sampleState().machines.map(({ id }) => id));
  });

  it("leaves the manager draining on Ctrl-C, and says so", async () => {
    const { directory, called } = await standIn({
      drain: (_, progress, signal) => {
        progress("1 machines left: 1 busy, 0 ending, 0 idle");
        return new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }),
        );
      },
    });
    const { code, stderr } = await muster(["drain", "--directory", directory], {
      onStderr: (text, child) => void (!text.includes("no longer") && child.kill("SIGINT")),
    });
    expect(code).toBe(130);
    expect(stderr).toContain("no longer waiting. The manager goes on draining");
    expect(called).toEqual(["drain 600"]);
  });

  it("is taken back by --undo", async () => {
    const { directory, called } = await standIn();
    const { code, stdout } = await muster(["drain", "--undo", "--directory", directory]);
    expect({ code, stdout, called }).toEqual({
      code: 0,
      stdout: "the manager starts machines again\n",
      called: ["undrain"],
    });
  });

  it("says what to do when no manager runs", async () => {
    const { directory, stop } = await standIn();
    await stop();
    const { code, stderr } = await muster(["drain", "--directory", directory]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^muster: the supervisor .*npm run pulumi -- up -s dev/s);
  });

  it.each([
    ["90", 90],
    ["90s", 90],
    ["10m", 600],
    ["2h", 7_200],
    ["0", 0],
  ])("takes %s as %d seconds", (text, seconds) => expect(parseDuration(text)).toBe(seconds));

  it.each(["", "soon", "5y", "-1", "1.5h", "25h"])("refuses %j", (text) => {
    expect(() => parseDuration(text)).toThrow("allowed is up to a day as 90s, 10m or 2h");
  });
});
