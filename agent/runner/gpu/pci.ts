/** Graphics processors as the PCI bus shows them: the hardware, whether or not a driver serves it. */
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename, join } from "node:path";
import type { Gpu, GpuVendor } from "../../protocol.ts";

/** Where this machine describes itself; tests have trees of their own. */
export interface Places {
  sys: string;
  dev: string;
}
export const realPlaces: Places = { sys: "/sys", dev: "/dev" };

export interface PciGpu {
  vendor: GpuVendor;
  /** `0000:00:1e.0` */
  address: string;
  /** The device's folder in /sys. */
  folder: string;
  /** Four hex digits. */
  device: string;
  /** Name of the kernel's driver; null when none is bound. */
  driver: string | null;
}

const vendors: Readonly<Record<string, GpuVendor>> = {
  "0x10de": "nvidia",
  "0x1002": "amd",
  "0x8086": "intel",
};

/** Of those that clouds rent (pci.ids); a driver knows all the others' names itself. */
const models: Readonly<Record<string, string>> = {
  "nvidia 1eb4": "NVIDIA T4G",
  "nvidia 1eb8": "NVIDIA T4",
  "nvidia 2237": "NVIDIA A10G",
  "nvidia 27b8": "NVIDIA L4",
  "nvidia 1db1": "NVIDIA V100",
  "nvidia 20b0": "NVIDIA A100",
  "nvidia 2330": "NVIDIA H100",
  "amd 7362": "AMD Radeon Pro V520",
};
export const modelOf = ({ vendor, device }: PciGpu): string =>
  models[`${vendor} ${device}`] ?? `${vendor} ${device}`;

/** Every one that counts, by address; empty where there is no PCI bus. Some fifty small files at most, so at once. */
export function pciGpus({ sys }: Places): PciGpu[] {
  const devices = join(sys, "bus/pci/devices");
  return namesIn(devices).flatMap((address) => {
    const folder = join(devices, address);
    const vendor = vendors[textOf(folder, "vendor") ?? ""];
    const kind = textOf(folder, "class") ?? "";
    if (vendor === undefined || !counts(vendor, kind, address)) return [];
    const device = (textOf(folder, "device") ?? "").replace("0x", "");
    const gpu = { vendor, address, folder, device, driver: driverOf(folder) };
    return isIntegratedAmd(gpu) ? [] : [gpu];
  });
}

/**
 * Class 03xxxx is a display, 1200xx a "processing accelerator" (NVIDIA and AMD have sold some of theirs as such; Intel's
 * of that class are the small neural units inside its processors, which are none). Intel's graphics inside the processor
 * is always a VGA display at 00:02.0, its cards are anywhere else.
 */
function counts(vendor: GpuVendor, kind: string, address: string): boolean {
  if (kind.startsWith("0x1200")) return vendor !== "intel";
  if (!kind.startsWith("0x03")) return false;
  return !(vendor === "intel" && kind.startsWith("0x0300") && address.endsWith(":00:02.0"));
}

/** AMD's graphics inside the processor has no memory of its own: a part of the computer's is set aside for it, 2 GB at most. */
const isIntegratedAmd = ({ vendor, folder }: PciGpu): boolean => {
  const bytes = vendor === "amd" ? numberOf(folder, "mem_info_vram_total") : null;
  return bytes !== null && bytes <= 2 * 1024 ** 3;
};

/** Drivers of AMD and Intel that jobs can use a device through; another one (vfio-pci) has given it away. */
const drivers: Readonly<Record<string, readonly string[]>> = { amd: ["amdgpu"], intel: ["i915", "xe"] };

/** What the kernel says of a device that is not NVIDIA's: their drivers need no tool to be asked. */
export function kernelGpu(gpu: PciGpu, { dev }: Places): Gpu {
  const { vendor, folder, driver } = gpu;
  const mb = (name: string) => {
    const bytes = numberOf(folder, name);
    return bytes === null ? null : Math.round(bytes / 1024 ** 2);
  };
  const wanted = drivers[vendor] ?? [];
  const nodes = namesIn(join(folder, "drm")).filter((name) => name.startsWith("renderD"));
  const problem =
    driver === null || !wanted.includes(driver)
      ? `${gpu.address}: ${driver === null ? "no driver serves it" : `the driver ${driver} serves it`}; jobs need ${wanted.join(" or ")}`
      : nodes.some((name) => existsSync(join(dev, "dri", name)))
        ? null
        : `${gpu.address}: there is no device for it in /dev/dri`;
  return {
    vendor,
    model: modelOf(gpu),
    driver,
    health: problem === null ? "ok" : "failed",
    problem,
    memoryMb: mb("mem_info_vram_total"),
    memoryUsedMb: mb("mem_info_vram_used"),
    utilizationPercent: numberOf(folder, "gpu_busy_percent"),
    temperatureC: temperatureOf(folder),
  };
}

function temperatureOf(folder: string): number | null {
  for (const name of namesIn(join(folder, "hwmon"))) {
    const thousandths = numberOf(join(folder, "hwmon", name), "temp1_input");
    if (thousandths !== null) return Math.round(thousandths / 1_000);
  }
  return null;
}

export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function textOf(folder: string, name: string): string | null {
  try {
    return readFileSync(join(folder, name), "utf8").trim();
  } catch {
    return null;
  }
}

function numberOf(folder: string, name: string): number | null {
  const text = textOf(folder, name);
  return text !== null && /^\d{1,18}$/.test(text) ? Number(text) : null;
}

function driverOf(folder: string): string | null {
  try {
    return basename(readlinkSync(join(folder, "driver")));
  } catch {
    return null;
  }
}
