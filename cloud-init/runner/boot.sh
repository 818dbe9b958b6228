# How a runner machine starts. Rendered, the values of its stack stand before this, and comments and indentation are gone.
# POSIX sh: images differ.
set -u

# cloud-init runs this at every boot and holds up the users of the network until it ends: here is only the start.
if [ "${1-}" != go ]; then
  mkdir -p /opt/muster
  cp "$0" /opt/muster/boot
  at_boot
  exec systemd-run --no-block --unit=muster-boot --property=DefaultDependencies=no \
    /bin/sh /opt/muster/boot go "$INSTANCE_ID"
fi
machine=$2
at=/run/muster-boot
mkdir -p $at /etc/muster /opt/muster/bin /opt/muster/runners /var/lib/muster
# Places may be presigned: nothing for jobs.
chmod 700 $at
exec >>$at/log 2>&1

# The stack's CA and no other: the folder of the system's certificates would count besides --cacert.
pinned() {
  curl -fsS --noproxy '*' --proto =https --cacert /etc/muster/ca.pem --capath $at/none --connect-timeout 5 "$@"
}

# Told and tried again: the manager may be on its way up, too.
fail() {
  echo "muster: $machine failed in phase $phase"
  # What nobody can ask any more: EC2 keeps what was written there.
  tail -n 20 $at/log >/dev/console
  nft delete table inet muster
  tail -c 8192 $at/log >$at/report
  for manager in $managers; do
    pinned -m 10 -o $at/said -H 'content-type: text/plain' --data-binary @$at/report \
      "$manager/boot-report?machine=$machine&pool=$pool&phase=$phase" && break
  done
  sleep 10
  exec /bin/sh /opt/muster/boot go "$machine"
}

# PHASE COMMAND...: a step of the boot. What it says is kept.
step() {
  phase=$1
  shift
  "$@" >$at/why 2>&1
  set -- $?
  cat $at/why
  [ $1 = 0 ] || fail
}

users() {
  id muster || useradd --system --shell /usr/sbin/nologin muster || return
  id runner || useradd --create-home --shell /bin/bash runner || return
  # The agent's folder, and root's, in which the agent reads.
  mkdir -p /run/muster /run/muster-job && chmod 750 /run/muster /run/muster-job || return
  chown muster: /run/muster /var/lib/muster /opt/muster/runners && chown 0:muster /run/muster-job
}

# What proves who this is: the agent may read it, jobs may not, and may not ask for it.
identity() {
  imds=http://169.254.169.254/latest
  token=$(imds_call -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' $imds/api/token) || return
  (umask 077 && echo "X-aws-ec2-metadata-token: $token" |
    imds_call -H @- -o $at/identity $imds/dynamic/instance-identity/rsa2048) || return
  # The folder is the agent's, so nothing of root's is opened in it.
  chown muster: $at/identity && mv -fT $at/identity /run/muster/identity
}
imds_call() { curl -fsS --noproxy '*' --retry 3 -m 10 "$@"; }

# Lines of NAME SHA256 PLACE (agent/boot-manifest.ts), from the first manager that answers.
manifest() {
  arch=$(uname -m | sed 's/aarch64/arm64/;s/x86_64/x64/')
  for manager in $managers; do
    pinned -m 30 -o $at/manifest "$manager/boot/v1/manifest?arch=$arch&pool=$pool" || continue
    echo "$manager" >$at/manager
    return 0
  done
  return 1
}
hash_of() { awk -v n="$1" '$1 == n { print $2; exit }' $at/manifest; }

# NAME -> $at/NAME, from the first of its places whose bytes have the hash.
fetch() {
  [ "$(hash_of "$1")" ] || { echo "the manifest has no $1"; return 1; }
  while read -r name hash place; do
    [ "$name" = "$1" ] || continue
    case $place in
      /*) pinned -m 300 --retry 3 -o "$at/$1" "$(cat $at/manager)$place" ;;
      *) curl -fsSL --proto =https,file --retry 3 --connect-timeout 10 -y 30 -Y 10000 -o "$at/$1" "$place" ;;
    esac || continue
    echo "$hash  $at/$1" | sha256sum -c && return
    echo "$1 from ${place%%\?*} has another hash"
  done <$at/manifest
  return 1
}
agent() {
  echo "$(hash_of agent.mjs)  /opt/muster/agent.mjs" | sha256sum -c && return
  fetch agent.mjs && chmod 644 $at/agent.mjs && mv $at/agent.mjs /opt/muster/agent.mjs
}
runner() {
  folder=/opt/muster/runners/$(hash_of runner.tar.gz)
  if [ ! -d "$folder" ]; then
    fetch runner.tar.gz && rm -rf "$folder.new" && mkdir "$folder.new" || return
    tar -xozf $at/runner.tar.gz -C "$folder.new" && rm $at/runner.tar.gz && mv "$folder.new" "$folder" || return
  fi
  [ -x "$folder/externals/node24/bin/node" ] || { echo "the runner brings no externals/node24"; return 1; }
  ln -sfn "$folder" /opt/muster/runner
}
# Both at once.
downloads() {
  agent & wanted=$!
  runner
  set -- $?
  wait $wanted && return $1
}

# HOST PORT: its addresses as elements of the sets, with the port where there is one.
elements() {
  getent ahosts "$2" | awk -v set="$1" -v port="$3" '!seen[$1]++ {
    print "add element inet muster " set ($1 ~ /:/ ? 6 : 4) " { " $1 (port ? " . " port : "") " }" }'
}
firewall() {
  {
    cat /etc/muster/guard.nft
    for host in $hosts; do elements managers "$host" ''; done
    for place in $reach; do elements reach "${place%:*}" "${place##*:}"; done
    for file in /run/systemd/resolve/resolv.conf /etc/resolv.conf; do
      [ ! -r $file ] || awk '$1 == "nameserver" && $2 !~ /^127|^::1/ { print $2 }' $file
    done | sort -u | while read -r host; do elements resolvers "$host" ''; done
  } >$at/nft && nft -f $at/nft
}

start() {
  sed "s/@MACHINE@/$machine/" /etc/muster/launch.json.in >/etc/muster/launch.json
  swapoff -a
  systemctl daemon-reload && systemctl start --no-block $units || return
  echo "$machine" >/opt/muster/machine
  : >$at/started
}

step files files
[ ! -r /etc/muster/proxy.env ] || { set -a; . /etc/muster/proxy.env; set +a; }
step users users
step jobs jobs
step trust trust
step identity identity
step manifest manifest
step downloads downloads
step firewall firewall
step start start
