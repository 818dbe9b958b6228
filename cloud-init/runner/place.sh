# The runner's root for one job: the archive below, in memory what the runner writes into it (its registration, _diag),
# on the disk the work. Whatever the job before it left in these is gone.
set -e
job=/opt/muster/job
umount -R $job 2>/dev/null || :
rm -rf /run/muster-job /home/runner/_work
mkdir -p $job /run/muster-job/up/_work /run/muster-job/by /home/runner/_work
chown -R runner: /run/muster-job/up /home/runner/_work
mount -t overlay -o lowerdir="$(readlink -f /opt/muster/runner)",upperdir=/run/muster-job/up,workdir=/run/muster-job/by muster-job $job
mount --bind /home/runner/_work $job/_work
