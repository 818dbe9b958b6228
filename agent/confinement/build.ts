/** A view on disk: empty folders and files as mount points, and the table from which mount(8) fills them in one go. */
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inside, jobUser } from "./kind.ts";
import type { JobView } from "../protocol.ts";

/** fstab(5). */
const escaped = (text: string) =>
  text.replace(/[\s\\#]/g, (found) => `\\${found.charCodeAt(0).toString(8).padStart(3, "0")}`);

/** @param top folder that becomes the job's / */
export const mountTable = (mounts: JobView["mounts"], top: string): string =>
  [{ source: top, target: "", type: "none", options: ["bind", "ro"] }, ...mounts]
    .map(({ source, target, type, options }) =>
      [escaped(source), escaped(`${top}${target}`), type, options.join(","), "0 0"].join(" "),
    )
    .join("\n")
    .concat("\n");

/** Like `mkdir -p`, for others to enter whatever the umask is. */
const makeFolder = (path: string) => {
  const first = mkdirSync(path, { recursive: true, mode: 0o755 });
  if (first === undefined) return;
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) chmodSync(folder, 0o755);
};

const makePoints = (view: JobView, top: string) => {
  makeFolder(top);
  for (const folder of view.folders) makeFolder(join(top, folder));
  for (const file of view.files) {
    makeFolder(dirname(join(top, file)));
    writeFileSync(join(top, file), "");
  }
  for (const { path, target } of view.links) {
    makeFolder(dirname(join(top, path)));
    symlinkSync(target, join(top, path));
  }
};

const read = (file: string) => {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
};

/** Programs ask for the name of their user, and some end when it has none. */
const writeNames = (directory: string, uid: number) => {
  const [passwd, group] = [join(directory, "passwd"), join(directory, "group")];
  writeFileSync(passwd, `${jobUser}:x:${uid}:${uid}::${inside.home}:/bin/sh\n${read("/etc/passwd")}`);
  writeFileSync(group, `${jobUser}:x:${uid}:\n${read("/etc/group")}`);
  for (const file of [passwd, group]) chmodSync(file, 0o644);
  return { "@passwd": passwd, "@group": group };
};

export interface BuiltView {
  /** Becomes the job's /. */
  top: string;
  /** For mount(8). */
  table: string;
  within: JobView["within"];
}

export interface Places {
  root: string;
  home: string;
  tmp: string;
  varTmp: string;
}

/**
 * @param directory made; holds nothing but what belongs to this view
 * @param uid as the job sees itself
 * @param shared names of folders below the root whose files other machines share: shown, not to be written to
 */
export function buildView(
  directory: string,
  uid: number,
  view: JobView,
  { root, home, tmp, varTmp }: Places,
  shared: readonly string[],
): BuiltView {
  mkdirSync(directory, { mode: 0o700 });
  const made: Record<string, string> = {
    ...writeNames(directory, uid),
    "@root": root,
    "@home": home,
    "@tmp": tmp,
    "@var-tmp": varTmp,
  };
  const mounts = view.mounts.map((mount) => ({ ...mount, source: made[mount.source] ?? mount.source }));
  const own = mounts.find(({ target }) => target === inside.root)?.options ?? [];
  for (const name of shared)
    mounts.push({
      source: join(root, name),
      target: `${inside.root}/${name}`,
      type: "none",
      options: [...own, "ro"],
    });
  const [top, table] = [join(directory, "root"), join(directory, "mounts")];
  makePoints(view, top);
  writeFileSync(table, mountTable(mounts, top));
  return { top, table, within: view.within };
}
