/** What labels say of a machine's architecture, and which a pool has that names none. */
import type { Arch } from "../catalog.ts";

const archLabels: Readonly<Record<string, Arch>> = {
  arm64: "arm64",
  aarch64: "arm64",
  "gpu-arm64": "arm64",
  x64: "x64",
  amd64: "x64",
  x86_64: "x64",
  "gpu-x64": "x64",
};

/** The architecture that the labels promise to jobs, and the label that does. */
export const promised = (labels: readonly string[] | null): { arch: Arch; label: string } | null => {
  for (const label of labels ?? []) {
    const arch = archLabels[label.toLowerCase()];
    if (arch) return { arch, label };
  }
  return null;
};

export const defaultLabels = ({ arch, gpu }: { arch: Arch; gpu: boolean }): string[] => {
  const plain = arch === "arm64" ? "ARM64" : "X64";
  return ["self-hosted", "linux", gpu ? `gpu-${arch}` : plain];
};
