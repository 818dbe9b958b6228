/** What a hostile job tries, as scripts: every success is a line that begins with LEAK. */

export interface Targets {
  /** Holds all that follows, and jobs may read it. */
  base: string;
  /** The manager's folder. */
  directory: string;
  home: string;
  passphrase: string;
  /** Name of the files that nobody may find. */
  canary: string;
  /** Pids of manager and agents. */
  pids: readonly number[];
}

const begin = `
set +e
leak() { echo "LEAK $*"; }
node=/runner/externals/node24/bin/node
test -x "$node" || node=$(dirname "$(readlink -f /proc/$PPID/exe)")/node
`;

/** Looks for files, processes and sockets of others. Ends with \`tried\`, so that a script that broke off is seen. */
export const prying = ({ base, directory, home, passphrase, canary, pids }: Targets): string => `${begin}
for file in ${home}/${canary} ${passphrase} ${directory}/settings.json ${directory}/manager.log; do
  cat "$file" >/dev/null 2>&1 && leak "file $file"
done
find / \\( -path /proc -o -path /sys \\) -prune -o -name '${canary}*' -print 2>/dev/null | sed 's/^/LEAK found /'
ls /proc/self/fd/63/ >/dev/null 2>&1 && leak "an inherited folder"
for process in /proc/[0-9]*; do
  for way in root cwd; do
    ls "$process/$way/${base}" "$process/$way/${directory}" "$process/$way/${home}" 2>/dev/null | grep -e '${canary}' -e settings.json | sed "s|^|LEAK $process/$way |"
  done
  pid=\${process#/proc/}
  case $(tr '\\0' ' ' < "$process/cmdline" 2>/dev/null) in
    *"--config "*settings.json*|*launch.json*) leak "process $pid of manager or agent" ;;
  esac
  tr '\\0' '\\n' < "$process/environ" 2>/dev/null | grep -e '^PLANTED=' | sed "s|^|LEAK environment of $pid: |"
done
for pid in 1 ${pids.join(" ")}; do
  (exec 9<"/proc/$pid/mem") 2>/dev/null && leak "memory of $pid"
  readlink "/proc/$pid/fd/0" >/dev/null 2>&1 && leak "open files of $pid"
  # Number 1 is the job's own: whoever ends it ends itself.
  test "$pid" = 1 || { kill -0 "$pid" 2>/dev/null && leak "signals to $pid"; }
done
for socket in agents.sock control.sock; do
  "$node" -e 'require("net").connect(process.argv[1]).on("connect", () => { console.log("LEAK socket " + process.argv[1]); process.exit() }).on("error", () => {})' "${directory}/$socket"
done
find /run /tmp /var/tmp -type s 2>/dev/null | sed 's/^/LEAK a socket of a service: /'
sudo -n true 2>/dev/null && leak sudo
unshare -Urm sh -c 'umount -l ${home} ${directory}; mount -o remount,bind,rw /usr; mount -o remount,bind,rw / && touch /usr/${canary} /${canary}; find ${base} -name "${canary}*"' 2>/dev/null | sed 's/^/LEAK from a namespace: /'
for place in / /usr /etc /opt ${base}; do
  touch "$place/${canary}-written" 2>/dev/null && leak "writing to $place"
done
echo tried
`;

/** Writes where the next job, another machine or the system would find it, and starts what shall outlive it. */
export const planting = (mark: string): string => `${begin}
chmod -R u+w /runner /runner/* 2>/dev/null
for file in /runner/run.sh /runner/config.sh /runner/bin/Runner.Listener /runner/bin/Runner.Worker /runner/externals/node24/bin/node; do
  (echo '${mark}' >> "$file") 2>/dev/null
done
for folder in "$HOME" /tmp /var/tmp /dev/shm /runner /runner/_work /run/lock /var/lock /var/crash /var/spool/cron; do
  (echo '${mark}' > "$folder/${mark}") 2>/dev/null
done
echo '${mark}' >> "$HOME/.bashrc"
mkdir -p "$HOME/read/only" && touch "$HOME/read/only/${mark}" && chmod -w "$HOME/read/only" "$HOME/read"
(echo "* * * * * echo ${mark}" | crontab -) 2>/dev/null
(echo "echo ${mark}" | at now + 1 hour) 2>/dev/null
ipcmk -M 4096 >/dev/null 2>&1
setsid env -i /bin/bash -c 'cd /; (exec -a ${mark} sleep 600) & exec -a ${mark} sleep 600' </dev/null >/dev/null 2>&1 &
disown
(cd / && exec env -i setsid /bin/bash -c 'trap "" TERM INT HUP; while :; do exec -a ${mark} sleep 600; done') </dev/null >/dev/null 2>&1 &
disown
sleep 0.3
pgrep -f '^${mark}' >/dev/null && echo planted
`;

/** What a job finds of its predecessor. */
export const looking = (mark: string): string => `${begin}
find / \\( -path /proc -o -path /sys \\) -prune -o -name '${mark}' -print 2>/dev/null | sed 's/^/LEAK found /'
grep -l '${mark}' "$HOME"/.* /runner/*.sh /runner/bin/* 2>/dev/null | sed 's/^/LEAK in /'
crontab -l 2>/dev/null | grep '${mark}' | sed 's/^/LEAK crontab /'
ipcs -m | grep '^0x' | sed 's/^/LEAK shared memory /'
pgrep -f '^${mark}' | sed 's/^/LEAK process /'
echo tried
`;

/** That a job can do its work all the same. */
export const working = `set -e
test "$HOME" = /home/runner && test "$USER" = runner && test "$(id -un)" = runner
cd "$GITHUB_WORKSPACE" && git init -q . && git config user.email a@b && git config user.name a
echo one > file && git add file && git commit -qm one
echo 'console.log(require("os").userInfo().username)' > who.js
/runner/externals/node24/bin/node who.js
mkdir -p "$HOME/.cache" /tmp/a /var/tmp/a /dev/shm/a
echo x > /dev/null; head -c 8 /dev/urandom > /tmp/a/random
(echo pipe | cat) > /tmp/a/pipe; test -e /proc/self/fd/0
script -qc 'test -t 0' /dev/null
echo worked
`;
