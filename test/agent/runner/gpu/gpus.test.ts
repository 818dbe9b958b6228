// Goal: what works is called working, what does not is not, and a broken driver holds nothing up. Method: trees of files that
// stand for /sys and /dev, and a shell script in nvidia-smi's place, on PATH, really started.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { hostFacts } from "../../../../agent/protocol.ts";
import { realClock, type Deps } from "../../../../agent/runner/deps.ts";
import { findGpus } from "../../../../agent/runner/gpu/gpus.ts";
import { readSmi } from "../../../../agent/runner/gpu/nvidia.ts";
import { defaultLimits } from "../../../../agent/runner/limits.ts";
import { eventually } from "../agents.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "muster-gpu-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const put = (path: string, text = "") => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};
interface Device {
  vendor: string;
  device: string;
  class: string;
  driver?: string;
  /** Further files of its folder. */
  more?: Record<string, string>;
}
const device = (address: string, { vendor, device, class: kind, driver, more = {} }: Device) => {
  const at = `sys/bus/pci/devices/${address}`;
  const files = { vendor: `0x${vendor}\n`, device: `0x${device}\n`, class: `0x${kind}\n`, ...more };
  for (const [name, text] of Object.entries(files)) put(`${at}/${name}`, text);
  if (driver) symlinkSync(`../../../bus/pci/drivers/${driver}`, join(folder, at, "driver"));
};
const t4g = { vendor: "10de", device: "1eb4", class: "030200", driver: "nvidia" };
/** A script in nvidia-smi's place; `calls` has a line for each start. */
const smi = (body: string) => {
  put("bin/nvidia-smi", `#!/bin/sh\necho "$@" >> ${folder}/calls\n${body}\n`);
  chmodSync(join(folder, "bin/nvidia-smi"), 0o755);
};
const says = (...lines: string[]) => smi(`cat <<'END'\n${lines.join("\n")}\nEND`);
const good = "0, NVIDIA T4G, 15360, 311, 7, 41, 0, Default, 595.71.05";

const clock = { ...realClock };
const find = (over: { now?: () => number; limitMs?: number } = {}) => {
  const deps = {
    clock: { ...clock, ...(over.now ? { now: over.now } : {}) },
    env: { PATH: `${folder}/bin:/usr/bin:/bin` },
  } as unknown as Deps;
  const limits = { ...defaultLimits, gpuLookMs: over.limitMs ?? 10_000 };
  return findGpus({ sys: join(folder, "sys"), dev: join(folder, "dev") }, limits, deps);
};
const looked = async () => {
  const gpus = find();
  await gpus.look();
  return gpus.now();
};

describe("what is there", () => {
  test("nothing, where there is no PCI bus: no tool is asked", async () => {
    says(good);
    expect(await looked()).toEqual([]);
    expect(() => readFileSync(join(folder, "calls"))).toThrow();
  });

  test("an NVIDIA device is being checked until its tool has answered, and known by its PCI id meanwhile", async () => {
    device("0000:00:1e.0", t4g);
    put("dev/nvidia0");
    says(good);
    const gpus = find();
    expect(gpus.now()).toMatchObject([{ model: "NVIDIA T4G", health: "checking", memoryMb: null }]);
    expect(await gpus.look()).toBe(true);
    expect(gpus.now()).toEqual([
      {
        vendor: "nvidia",
        model: "NVIDIA T4G",
        driver: "595.71.05",
        health: "ok",
        problem: null,
        memoryMb: 15_360,
        memoryUsedMb: 311,
        utilizationPercent: 7,
        temperatureC: 41,
      },
    ]);
  });

  test("an AMD device by its kernel driver, with memory, use and temperature", async () => {
    device("0000:03:00.0", {
      vendor: "1002",
      device: "7362",
      class: "038000",
      driver: "amdgpu",
      more: {
        mem_info_vram_total: `${8 * 1024 ** 3}\n`,
        mem_info_vram_used: `${512 * 1024 ** 2}\n`,
        gpu_busy_percent: "93\n",
        "hwmon/hwmon2/temp1_input": "61000\n",
        "drm/renderD128/x": "",
      },
    });
    put("dev/dri/renderD128");
    expect(await looked()).toMatchObject([
      {
        vendor: "amd",
        model: "AMD Radeon Pro V520",
        driver: "amdgpu",
        health: "ok",
        memoryMb: 8_192,
        memoryUsedMb: 512,
        utilizationPercent: 93,
        temperatureC: 61,
      },
    ]);
  });

  test("an Intel card; its memory is not known", async () => {
    device("0000:03:00.0", {
      vendor: "8086",
      device: "56c0",
      class: "038000",
      driver: "xe",
      more: { "drm/renderD129/x": "" },
    });
    put("dev/dri/renderD129");
    expect(await looked()).toMatchObject([
      { vendor: "intel", model: "intel 56c0", health: "ok", memoryMb: null },
    ]);
  });

  test.each([
    ["Intel's graphics inside the processor", "0000:00:02.0", "8086", "030000", {}],
    ["Intel's neural unit", "0000:00:0b.0", "8086", "120000", {}],
    [
      "AMD's graphics inside the processor",
      "0000:04:00.0",
      "1002",
      "030000",
      { mem_info_vram_total: "536870912\n" },
    ],
    ["a server's console", "0000:02:00.0", "1a03", "030000", {}],
    ["NVIDIA's sound device", "0000:01:00.1", "10de", "040300", {}],
  ])("%s is none", async (_name, address, vendor, kind, more) => {
    device(address, { vendor, device: "1234", class: kind, driver: "i915", more });
    expect(await looked()).toEqual([]);
  });

  test("a processing accelerator of NVIDIA or AMD is one", async () => {
    device("0000:05:00.0", { vendor: "1002", device: "74a1", class: "120000" });
    expect(await looked()).toMatchObject([{ vendor: "amd", health: "failed" }]);
  });

  test("where the bus cannot be seen, but the driver's device is there, the tool is believed", async () => {
    put("dev/dxg");
    says(good);
    expect(await looked()).toMatchObject([{ model: "NVIDIA T4G", health: "ok" }]);
  });
});

describe("what does not work", () => {
  beforeEach(() => {
    device("0000:00:1e.0", t4g);
    put("dev/nvidia0");
  });
  const problem = async () => (await looked()).map(({ health, problem }) => [health, problem]);

  test("no tool", async () => {
    expect(await problem()).toEqual([
      ["failed", "nvidia-smi is not there: install the driver and its tools"],
    ]);
  });

  test("a tool that fails, in its own words", async () => {
    smi('echo "Unable to determine the device handle for GPU0: 0000:00:1E.0: Unknown Error"; exit 15');
    expect(await problem()).toEqual([
      [
        "failed",
        "nvidia-smi says: Unable to determine the device handle for GPU0: 0000:00:1E.0: Unknown Error",
      ],
    ]);
  });

  test("a tool that names the device and fails all the same", async () => {
    smi(`echo "${good}"; exit 6`);
    expect(await problem()).toEqual([["failed", "nvidia-smi ended with exit code 6"]]);
  });

  test.each([
    [
      "a device that hangs",
      "0, NVIDIA T4G, 15360, 311, [GPU requires reset], [N/A], [N/A], Default, 595.71.05",
    ],
    [
      "a device that fell off the bus",
      "0, NVIDIA T4G, [GPU is lost], [N/A], [N/A], [N/A], [N/A], Default, 595.71.05",
    ],
    ["a figure that cannot be read", "0, NVIDIA T4G, 15360, 311, 0, ERR!, 0, Default, 595.71.05"],
  ])("%s", async (_name, line) => {
    says(line);
    expect(await problem()).toEqual([["failed", expect.stringMatching(/^nvidia-smi says: /)]]);
  });

  test("a device that nothing may use", async () => {
    says(good.replace("Default", "Prohibited"));
    expect(await problem()).toEqual([["failed", "its compute mode is Prohibited: nothing may use it"]]);
  });

  test("no device node", async () => {
    rmSync(join(folder, "dev"), { recursive: true });
    says(good);
    expect(await problem()).toEqual([["failed", "there is no device for it in /dev"]]);
  });

  test("one of two that the tool does not show", async () => {
    device("0000:00:1f.0", t4g);
    says(good);
    expect(await problem()).toEqual([
      ["ok", null],
      ["failed", "nvidia-smi shows 1 of 2 on the bus"],
    ]);
  });

  test("memory errors that are more than at first; those from before do not count", async () => {
    let now = 0;
    says(good.replace("41, 0,", "41, 3,"));
    const gpus = find({ now: () => now });
    await gpus.look();
    expect(gpus.now()[0]).toMatchObject({ health: "ok" });
    says(good.replace("41, 0,", "41, 4,"));
    now += defaultLimits.gpuEveryMs;
    expect(await gpus.look()).toBe(true);
    expect(gpus.now()[0]).toMatchObject({
      health: "failed",
      problem: "its memory's uncorrected errors grew from 3 to 4",
    });
  });

  test("figures that the tool does not have are no failure", async () => {
    says("0, NVIDIA A100-SXM4-40GB, 40960, 1, [N/A], 30, [N/A], Default, 595.71.05");
    expect(await looked()).toMatchObject([{ health: "ok", utilizationPercent: null, memoryMb: 40_960 }]);
  });

  test("an AMD device without a driver, and one that was given away", async () => {
    rmSync(join(folder, "sys"), { recursive: true });
    const amd = { vendor: "1002", device: "7362", class: "030000" };
    device("0000:03:00.0", amd);
    device("0000:04:00.0", { ...amd, driver: "vfio-pci" });
    expect(await problem()).toEqual([
      ["failed", "0000:03:00.0: no driver serves it; jobs need amdgpu"],
      ["failed", "0000:04:00.0: the driver vfio-pci serves it; jobs need amdgpu"],
    ]);
  });
});

describe("a tool that hangs", () => {
  test("is left after the limit; no second one is started before it is gone, and then it is asked anew", async () => {
    device("0000:00:1e.0", t4g);
    put("dev/nvidia0");
    smi(`exec sleep 60`);
    let now = 0;
    const gpus = find({ now: () => now, limitMs: 300 });
    const again = async () => {
      now += defaultLimits.gpuEveryMs;
      await gpus.look();
      return gpus.now()[0]!.problem;
    };
    expect(await again()).toBe("nvidia-smi did not answer within 0.3 s");
    // Its end has been asked for and not been heard of: nothing was between the two calls.
    expect(await again()).toBe("nvidia-smi hangs: the driver does not answer");
    says(good);
    await eventually(async () => (await again()) === null, "the tool is asked again");
    expect(gpus.now()[0]).toMatchObject({ health: "ok" });
    expect(readFileSync(join(folder, "calls"), "utf8").trim().split("\n")).toHaveLength(2);
  });

  test("two looks at once, or soon after each other, ask it once", async () => {
    device("0000:00:1e.0", t4g);
    put("dev/nvidia0");
    says(good);
    const gpus = find({ now: () => 0 });
    await Promise.all([gpus.look(), gpus.look()]);
    expect(await gpus.look()).toBe(false);
    expect(readFileSync(join(folder, "calls"), "utf8").trim().split("\n")).toHaveLength(1);
  });
});

test("whatever a tool says, the outcome is a message that the manager accepts", () => {
  const line = fc.oneof(fc.string({ unit: "binary", maxLength: 400 }), fc.constant(good));
  const cell = fc.oneof(fc.string({ maxLength: 300 }), fc.nat().map(String), fc.constant("[N/A]"));
  const cells = fc
    .array(cell, { minLength: 8, maxLength: 10 })
    .map((all) => ["0", ...all.slice(1)].join(", "));
  fc.assert(
    fc.property(
      fc.array(fc.oneof(line, cells), { maxLength: 30 }),
      fc.constantFrom(0, 9, null),
      fc.nat(40),
      fc.boolean(),
      (lines, code, onBus, hasNode) => {
        const { gpus } = readSmi({ code, output: lines.join("\n"), problem: null }, onBus, hasNode);
        const facts = { arch: "x64", cores: 1, memoryMb: 1, diskFreeMb: 1, kernel: "6", gpus };
        expect(z.parse(hostFacts, facts).gpus).toEqual(gpus);
        expect(gpus.length).toBeGreaterThanOrEqual(Math.min(16, onBus));
      },
    ),
  );
});
