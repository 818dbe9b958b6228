/**
 * What a confined job sees of this computer: a list of what is shown, so that everything else (homes, checkouts, data,
 * sockets of services, other machines) is simply not there. Pure.
 */
import { inside } from "./kind.ts";
import type { JobView } from "../protocol.ts";
import { isIn, makePlan } from "./plan.ts";
import type { System } from "./system.ts";

export interface ViewOptions {
  /** Folder of the machines. */
  machines: string;
  /** Further folders and files that jobs may read. */
  readable: readonly string[];
  /** Never shown, not even where they lie in something that is. */
  hidden: readonly string[];
}

/** Programs, settings and what package managers know. Not /var and /run: they hold mail, sockets, other people's data. */
const programs = ["/usr", "/etc", "/opt", "/nix/store", "/gnu/store", "/var/cache/fontconfig"];
const packages = ["dpkg", "apt", "rpm", "pacman", "ca-certificates"].map((name) => `/var/lib/${name}`);
/** What programs ask about processors, memory and devices; the whole would bring control groups with it. */
const hardware = ["devices", "bus", "class", "block", "dev", "module"].map((name) => `/sys/${name}`);
const system = [...programs, ...packages, ...hardware];
/** Links into /usr on most systems, folders on some; NixOS finds its programs through the last one. */
const linkedOrNot = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/run/current-system"];

const gpus = Array.from({ length: 16 }, (_, index) => `nvidia${index}`);
const devices = [
  ...["null", "zero", "full", "random", "urandom", "tty", "kvm", "kfd", "dri"],
  ...["nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset", "nvidia-caps", ...gpus],
].map((name) => `/dev/${name}`);

const standardLinks = {
  "/dev/fd": "/proc/self/fd",
  "/dev/stdin": "/proc/self/fd/0",
  "/dev/stdout": "/proc/self/fd/1",
  "/dev/stderr": "/proc/self/fd/2",
  "/dev/ptmx": "pts/ptmx",
  "/var/run": "../run",
};

type Plan = ReturnType<typeof makePlan>;

const showSystem = (plan: Plan, at: System) => {
  for (const path of system) {
    const real = at.real(path);
    if (real !== null && at.kind(real) === "folder") plan.show(real, path);
  }
  for (const path of linkedOrNot) {
    const kind = at.kind(path);
    if (kind === "link") plan.link(path, at.link(path));
    else if (kind === "folder" && path !== "/run/current-system") plan.show(path);
  }
  for (const path of devices) if (["other", "folder"].includes(at.kind(path) ?? "")) plan.device(path);
  // How names are resolved: where that is a link, its file lies in /run, mostly.
  const names = at.real("/etc/resolv.conf");
  if (names !== null && at.kind(names) === "file" && !plan.isShown(names)) plan.show(names);
};

const withReal = (paths: readonly string[], at: System) => [
  ...new Set(paths.flatMap((path) => [path, at.real(path) ?? path])),
];

/** The shorter path first: what is hidden in something readable stays hidden, what is readable in a home is shown. */
const showAndHide = (plan: Plan, options: ViewOptions, at: System) => {
  // A home like / or /usr cannot be hidden; what is the user's own in it is as readable as the rest of the system.
  const hidden = withReal(options.hidden, at).filter((path) => !system.some((folder) => isIn(folder, path)));
  const readable = withReal(options.readable, at).filter((path) => !hidden.includes(path));
  const all = [
    ...hidden.map((path) => ({ path, hide: true })),
    ...readable.map((path) => ({ path, hide: false })),
  ].sort((one, other) => one.path.length - other.path.length);
  for (const { path, hide } of all) {
    const kind = at.kind(path);
    if (kind === null) continue;
    // A mount on a path with a link in it would land elsewhere; the real path is in the list as well.
    const isReal = at.real(path) === path;
    const isShown = plan.isShown(path);
    if (hide && isShown && isReal) plan.veil(path);
    if (hide || isShown) continue;
    if (kind === "link") plan.link(path, at.link(path));
    else plan.show(path);
  }
};

export function planView(options: ViewOptions, at: System): JobView {
  const plan = makePlan(at, options.machines);
  plan.folder("/run");
  for (const [path, target] of Object.entries(standardLinks)) plan.link(path, target);
  showSystem(plan, at);
  // Before what is readable, which may lie below /tmp.
  plan.own("@tmp", inside.tmp);
  plan.own("@var-tmp", "/var/tmp");
  plan.own("@home", inside.home);
  plan.own("@root", inside.root);
  showAndHide(plan, options, at);
  if (at.kind("/etc/passwd") === "file") plan.over("@passwd", "/etc/passwd");
  if (at.kind("/etc/group") === "file") plan.over("@group", "/etc/group");
  plan.fresh("proc", "/proc", ["nosuid", "nodev", "noexec"]);
  plan.fresh("devpts", "/dev/pts", ["newinstance", "ptmxmode=0666", "mode=620", "nosuid", "noexec"]);
  plan.fresh("tmpfs", "/dev/shm", ["nosuid", "nodev", "mode=1777"]);
  return plan.view();
}
