# The runner's root for one job, before it, and `over` after it: the archive below, in memory what the runner writes into it
# (its registration, _diag), on the disk the work. Whatever the job before it left in these is gone. agent/runner/unit.ts says
# what is handed over. The agent's folder may hold anything: of its order only what is expected goes on, and nothing of
# root's is written there.
set -ef
umask 022
cd /
job=/opt/muster/job
at=/run/muster-job
bare() {
  umount -qR $job || umount -qRl $job || :
  rm -rf $at/up $at/by $at/env /home/runner/_work
}
# Slots only.
clean() { [ ! -e /opt/muster/clean ] || . /opt/muster/clean; }
# What is left to clear away after a job has a time of its own: systemd would end it in the middle, and nobody be told.
if [ "${1-}" = bare ]; then
  bare
  clean
  exit
fi
# ORDER EXIT_CODE EXIT_STATUS SERVICE_RESULT; the second line is why there must be no other job, or was none.
if [ "${1-}" = over ]; then
  exec >$at/why 2>&1
  why=
  [ "$EXIT_CODE" ] || why=$(tail -n 3 $at/why.start)
  timeout -v -k 2 25 /bin/sh /opt/muster/place bare || why="the slot is not clean: $(tail -n 3 $at/why)"
  {
    echo "$(cat $at/taken) ${EXIT_CODE:--} ${EXIT_STATUS:--} $SERVICE_RESULT"
    echo $why
  } >$at/exit.new
  mv $at/exit.new $at/exit
  exit
fi
exec >$at/why.start 2>&1
# Not into a folder that an order before it named, and no link, folder or pipe.
rm -rf $at/order
mv -T /run/muster/job.env $at/order
[ ! -h $at/order ]
[ -f $at/order ]
# One line: a second one would be a variable of its own, also of root's commands around the job.
of() { sed -n "s/^$1=\([$2]*\)$/\1/p" $at/order | head -n 1; }
rm -f $at/out
: >$at/out
chown muster: $at/out
of MUSTER_ORDER 0-9. >$at/taken.new
mv $at/taken.new $at/taken
bare
clean
mkdir -p $job $at/up/_work $at/by /home/runner/_work
# As config.sh would write them.
known() { cat /etc/environment /etc/default/locale | tr -d '"'; }
known | grep -E '^(LANG|(JAVA|ANT|M2|ANDROID|GRADLE)_HOME|ANDROID_SDK_ROOT|NVM_(BIN|PATH)|LD_LIBRARY_PATH|PERL5LIB)=' >$at/up/.env || :
path=$(known | sed -n 's/^PATH=//p')
echo "${path:-$PATH}" >$at/up/.path
# What the runner writes of its registration, other users could read.
chmod 700 $at/up
chown -R runner: $at/up /home/runner/_work
runner=/opt/muster/runners/$(of MUSTER_RUNNER 0-9a-f)
mount -t overlay -o lowerdir=$runner,upperdir=$at/up,workdir=$at/by muster-job $job
mount --bind /home/runner/_work $job/_work
umask 077
{
  for name in MUSTER_MACHINE ACTIONS_RUNNER_INPUT_JITCONFIG; do echo "$name=$(of $name 0-9A-Za-z+/=._-)"; done
  # .NET would not start without the library.
  ldconfig -p | grep -q libicuuc || echo DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
} >$at/env
rm $at/order
