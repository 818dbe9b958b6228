/** Collects what a view consists of, in the order in which it is mounted. Pure. */
import type { JobView } from "../protocol.ts";
import type { System } from "./system.ts";

export type Mount = JobView["mounts"][number];

export const isIn = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);

/** Options that an unprivileged remount has to repeat. */
const kept = ["nosuid", "nodev", "noexec"];

/** What the agent puts in: folders and files of its machine. */
export type Place = "@root" | "@home" | "@tmp" | "@var-tmp" | "@passwd" | "@group";

/** @param machines where the machines lie, whose mount has options too */
export function makePlan(at: System, machines: string) {
  const folders = new Set<string>();
  const files = new Set<string>();
  const links: JobView["links"] = [];
  const mounts: Mount[] = [];
  const within: JobView["within"] = [];
  /** What was mounted so far; the last one that holds a path decides what is there. */
  const layers: { path: string; is: "shown" | "other" }[] = [];

  const optionsOf = (path: string): string[] => {
    const holding = at.mounts.filter((mount) => isIn(path, mount.path));
    const longest = Math.max(...holding.map((mount) => mount.path.length));
    // The last one of a path is on top.
    const top = holding.findLast((mount) => mount.path.length === longest);
    return kept.filter((option) => top?.options.includes(option));
  };
  const layerOf = (path: string) => layers.findLast((layer) => isIn(path, layer.path))?.is ?? "top";
  const isShown = (path: string) => layerOf(path) === "shown";
  const mount = (source: string, target: string, type: string, options: readonly string[]) =>
    void mounts.push({ source, target, type, options: [...new Set(options)] });
  const reserve = (target: string, isFolder: boolean) => {
    if (layerOf(target) === "top") (isFolder ? folders : files).add(target);
  };

  return {
    isShown,
    folder: (path: string) => void folders.add(path),
    link: (path: string, target: string) => void links.push({ path, target }),
    /** A file system without a source on this computer. */
    fresh: (type: "proc" | "tmpfs" | "devpts", target: string, options: readonly string[]) => {
      reserve(target, true);
      mount(type, target, type, options);
    },
    /** A folder or file that may be read. */
    show: (source: string, target = source) => {
      const isFolder = at.kind(source) === "folder";
      // In an empty folder nobody can have made the mount point.
      const make = layerOf(target) === "other" ? ["X-mount.mkdir"] : [];
      reserve(target, isFolder);
      const inner = at.mounts.filter(({ path }) => path !== source && isIn(path, source));
      // One mount inside, and the kernel refuses a namespace without privileges to leave it out.
      mount(source, target, "none", [
        inner.length > 0 ? "rbind" : "bind",
        "ro",
        ...optionsOf(source),
        ...make,
      ]);
      for (const { path, options } of inner)
        within.push({
          target: `${target}${path.slice(source.length)}`,
          options: kept.filter((option) => options.includes(option)),
        });
      layers.push({ path: target, is: "shown" });
    },
    /** A file of the machine in the place of the system's. */
    over: (source: Place, target: string) => {
      reserve(target, false);
      mount(source, target, "none", ["bind", "ro", ...optionsOf(machines)]);
    },
    device: (path: string) => {
      reserve(path, at.kind(path) === "folder");
      mount(path, path, "none", ["bind"]);
    },
    /** A folder of the machine, which the job may write to. */
    own: (source: Place, target: string) => {
      reserve(target, true);
      mount(source, target, "none", ["bind", "nosuid", "nodev", ...optionsOf(machines)]);
      layers.push({ path: target, is: "other" });
    },
    /** An empty folder, or an empty file, over something that is shown. */
    veil: (path: string) => {
      if (at.kind(path) === "folder")
        mount("tmpfs", path, "tmpfs", ["nosuid", "nodev", "noexec", "size=64k", "mode=755"]);
      else mount("/dev/null", path, "none", ["bind"]);
      layers.push({ path, is: "other" });
    },
    view: (): JobView => ({ folders: [...folders], files: [...files], links, mounts, within }),
  };
}
