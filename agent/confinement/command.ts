/**
 * A program with its arguments as a confined job: new namespaces, the view as /, and no privilege left. The tools are
 * util-linux, which every Linux has. Signals go to the program itself (`jobLeader`), its exit code comes back from the
 * outermost process (128 and more: a signal ended it), and when the init of its namespace dies all of it dies.
 */
import type { ConfinementOrder } from "../protocol.ts";
import { processTable, type ProcessStat } from "../supervisor/process.ts";
import type { BuiltView } from "./build.ts";

/** The confinement could not be set up: the program was never started. sysexits.h has no use for it, nor has the runner. */
export const notConfined = 121;

/**
 * pid 1 of the job's namespace. It stays, because a program with this number would be deaf to signals that it does not
 * handle, and would have to bury the orphans. Arguments: mount table, new root, folder to start in, mounts to make
 * read-only (options and path, ended by --), and the command. What the command itself ends with is never taken for a
 * confinement that failed. A plain user's PATH need not have the sbin folders (Debian's has not), where pivot_root lies;
 * the job's PATH stays what it was.
 */
const init = `
fail() { echo "the job cannot be confined: $1" >&2; exit ${notConfined}; }
mount -n -a -T "$1" || fail "mount -a"
top=$2 start=$3
shift 3
while [ "$1" != -- ]; do
  mount -n -o "$1" "$top$2" || fail "$2"
  shift 2
done
shift
cd "$top" && PATH="$PATH:/usr/sbin:/sbin" pivot_root . . && umount -l . && cd "$start" || fail "pivot_root"
"$@"
code=$?
[ "$code" != ${notConfined} ] || code=1
exit "$code"
`;

const namespaces = ["--mount", "--pid", "--ipc", "--fork", "--kill-child"];
const noPrivileges = ["--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"];

/**
 * @param uid of `jobUid`
 * @param start folder inside, where the program starts
 */
export function confinedCommand(
  kind: ConfinementOrder["kind"],
  { top, table, within }: BuiltView,
  uid: number,
  start: string,
  command: readonly string[],
): { file: string; args: string[] } {
  const id = String(uid);
  const outer = kind === "own-uid" ? namespaces : ["--user", "--map-root-user", ...namespaces];
  const drop =
    kind === "own-uid"
      ? ["setpriv", "--reuid", id, "--regid", id, "--clear-groups", ...noPrivileges]
      : ["unshare", "--user", `--map-user=${id}`, `--map-group=${id}`, "setpriv", ...noPrivileges];
  const locked = within.flatMap(({ target, options }) => [
    ["remount", "bind", "ro", ...options].join(","),
    target,
  ]);
  const set = ["/bin/sh", "-c", init, "muster-init", table, top, start, ...locked, "--"];
  return { file: "unshare", args: [...outer, "--", ...set, ...drop, "--", ...command] };
}

/**
 * The program that a confined command runs, as this side sees it; null before it has started and after it has ended.
 *
 * @param outer pid of the outermost process
 */
export function jobLeader(outer: number): ProcessStat | null {
  const table = processTable();
  const init = table.find(({ parent }) => parent === outer);
  const first = (one: ProcessStat, other: ProcessStat) =>
    one.startTime - other.startTime || one.pid - other.pid;
  // What it lost its parents of comes later than itself.
  return init ? (table.filter(({ parent }) => parent === init.pid).sort(first)[0] ?? null) : null;
}
