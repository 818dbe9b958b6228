// Goal: a job that fills the disk does not end the agent that watches it. Method: the agent's own log on a file system that
// is really full.
import { spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mayMount, smallDisk } from "../manager/small-disk.ts";

test.skipIf(!mayMount)(
  "lines that do not fit are lost, and nothing else (its own file system: needs root)",
  () => {
    const disk = smallDisk(1);
    const path = join(disk.directory, "agent.log");
    const log = openSync(path, "a");
    try {
      disk.fill();
      const deps = join(import.meta.dirname, "../../../agent/runner/deps.ts");
      const script = `
      import { realDeps } from ${JSON.stringify(deps)};
      const { log } = realDeps();
      for (let n = 0; n < 100; n++) log("run", { n, filler: "x".repeat(200) });
      setTimeout(() => process.stderr.write("works on"), 50);`;
      const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
        stdio: ["ignore", log, "pipe"],
        encoding: "utf8",
        timeout: 20_000,
      });
      expect([status, stderr]).toEqual([0, "works on"]);
      expect(readFileSync(path, "utf8").length).toBeLessThan(10_000);
    } finally {
      closeSync(log);
      disk.remove();
    }
  },
);
