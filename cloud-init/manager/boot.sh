#!/bin/sh
# Makes this machine the manager's: volume, user, Node, updater. Runs at every boot, and again until it succeeds.
# Its settings are in the environment (/etc/muster/host.env). Nothing that it starts sees a secret in its arguments.
set -eu
umask 022
programs=/opt/muster
data=/var/lib/muster
imds=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

phase() { echo "muster-boot: $*"; }
fail() { echo "muster-boot: FAILED: $*" >&2; exit 1; }

# --- data volume: found by its id, formatted only when there is nothing at all on it ---
device() {
  case "$MUSTER_VOLUME" in /*)
    # Nitro machines show it as NVMe; the system links the template's name to it.
    [ -e "$MUSTER_VOLUME" ] && readlink -f "$MUSTER_VOLUME"
    return ;;
  esac
  serial=$(echo "$MUSTER_VOLUME" | tr -d -)
  name=$(lsblk -dno NAME,SERIAL | awk -v serial="$serial" '$2 == serial { print $1; exit }')
  [ -n "$name" ] && echo "/dev/$name"
}
volume() {
  phase "volume $MUSTER_VOLUME"
  mkdir -p "$data"
  if mountpoint -q "$data"; then phase "volume is mounted"; return; fi
  tries=0
  until disk=$(device); do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || fail "no device is the volume $MUSTER_VOLUME: it is not attached"
    sleep 2
  done
  seen=0
  kind=$(blkid -p -o value -s TYPE "$disk") || seen=$?
  case "$seen:$kind" in
    0:xfs | 0:ext4) phase "volume has $kind" ;;
    2:) kind=xfs
      command -v mkfs.xfs >/dev/null || kind=ext4
      phase "volume is blank: making $kind"
      "mkfs.$kind" -q -L muster "$disk" ;;
    *) fail "$disk holds something else (blkid: $seen ${kind:-no type}): it is not touched" ;;
  esac
  line="$disk"
  uuid=$(blkid -p -o value -s UUID "$disk") && line="UUID=$uuid"
  # One line of ours, for the volume of today.
  grep -v " $data " /etc/fstab >"$work/fstab" || true
  echo "$line $data $kind defaults,nofail,nodev,nosuid,noexec 0 2" >>"$work/fstab"
  cat "$work/fstab" >/etc/fstab
  mount "$data"
  # A larger volume is used after the next boot.
  if [ "$kind" = xfs ]; then xfs_growfs "$data" >/dev/null; else resize2fs "$disk" >/dev/null 2>&1; fi
}

user() {
  phase "user"
  id -u muster >/dev/null 2>&1 ||
    useradd --system --user-group --home-dir "$data" --no-create-home --shell /sbin/nologin muster
  # The volume may come from a machine where the user had another number.
  [ "$(stat -c %U "$data")" = muster ] || chown -R muster:muster "$data"
  chmod 0700 "$data"
}

# --- certificates of the user's own, for what does not read NODE_EXTRA_CA_CERTS ---
certificates() {
  [ -n "${NODE_EXTRA_CA_CERTS:-}" ] || return 0
  phase "certificates"
  if [ -d /etc/pki/ca-trust/source/anchors ]; then
    cp "$NODE_EXTRA_CA_CERTS" /etc/pki/ca-trust/source/anchors/muster.pem
    update-ca-trust
  else
    cp "$NODE_EXTRA_CA_CERTS" /usr/local/share/ca-certificates/muster.crt
    update-ca-certificates >/dev/null
  fi
}

# --- calls of AWS, signed by curl with the role of this machine ---
field() { sed -n 's/.*"'"$1"'" *: *"\([^"]*\)".*/\1/p' "$work/role"; }
role() {
  token=$(curl -sSf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$imds/latest/api/token")
  base=$imds/latest/meta-data/iam/security-credentials
  echo "header = \"X-aws-ec2-metadata-token: $token\"" >"$work/imds"
  name=$(curl -sSf -m 5 -K "$work/imds" "$base/")
  curl -sSf -m 5 -K "$work/imds" "$base/$name" | tr ',' '\n' >"$work/role"
  # In a file of root's: arguments can be read by everybody.
  (umask 077 && printf 'user = "%s:%s"\nheader = "x-amz-security-token: %s"\n' \
    "$(field AccessKeyId)" "$(field SecretAccessKey)" "$(field Token)" >"$work/signed")
}
signed() {
  service=$1
  shift
  [ -s "$work/signed" ] || role
  curl -sSf --retry 3 --connect-timeout 10 -m 600 --aws-sigv4 "aws:amz:$AWS_REGION:$service" -K "$work/signed" "$@"
}
domain=amazonaws.com
case "$AWS_REGION" in cn-*) domain=amazonaws.com.cn ;; esac
object() {
  signed s3 -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -o "$2" \
    "${AWS_ENDPOINT_URL:-https://s3.$AWS_REGION.$domain}/$MUSTER_BUCKET/$1"
}
parameter() {
  signed ssm -H 'X-Amz-Target: AmazonSSM.GetParameter' -H 'Content-Type: application/x-amz-json-1.1' \
    -d "{\"Name\":\"$1\"}" -o "$2" "${AWS_ENDPOINT_URL:-https://ssm.$AWS_REGION.$domain}/"
}

is_node() { echo "$MUSTER_NODE_SHA512  $1" | sha512sum -c --status; }
node() {
  at=$programs/files/node-$(echo "$MUSTER_NODE_SHA512" | cut -c 1-16)
  if [ ! -x "$at/node" ]; then
    phase "Node"
    tgz=$work/node.tgz
    # Where the machine has no way out, the bucket is all it reaches; elsewhere the registry helps a missing copy.
    if [ -z "$MUSTER_NODE_KEY" ] || ! object "$MUSTER_NODE_KEY" "$tgz" || ! is_node "$tgz"; then
      phase "Node: from $MUSTER_NODE_URL"
      curl -sSfL --retry 3 --connect-timeout 10 -m 600 -o "$tgz" "$MUSTER_NODE_URL"
    fi
    is_node "$tgz" || fail "what was fetched is not Node's archive with SHA-512 $MUSTER_NODE_SHA512"
    mkdir -p "$at.new"
    tar -xzf "$tgz" -C "$at.new" --strip-components=2 package/bin/node
    "$at.new/node" --version
    rm -rf "$at"
    mv "$at.new" "$at"
  fi
  ln -sfn "$at/node" "$programs/node.new"
  mv -Tf "$programs/node.new" "$programs/node"
}

# --- the first updater; later ones replace themselves ---
json() { "$programs/node" -p 'const [f, ...path] = process.argv.slice(1); path.reduce((v, k) => (typeof v === "string" ? JSON.parse(v) : v)[k], JSON.parse(require("fs").readFileSync(f, "utf8")))' "$@"; }
updater() {
  if [ -s "$programs/updater.mjs" ]; then phase "updater is there"; return; fi
  phase "updater: bucket and parameter must name the same"
  object manager/current.json "$work/current"
  parameter "$MUSTER_PARAMETERS/files" "$work/parameter"
  wanted=$(json "$work/current" files updater.mjs)
  agreed=$(json "$work/parameter" Parameter Value updater.mjs)
  [ "$wanted" = "$agreed" ] || fail "the bucket names the updater $wanted, the parameter $agreed"
  case "$wanted" in *[!0-9a-f]* | "") fail "$wanted is not a SHA-256" ;; esac
  object "manager/files/$wanted/updater.mjs" "$work/updater"
  echo "$wanted  $work/updater" | sha256sum -c --status || fail "the updater in the bucket is not $wanted"
  mkdir -p "$programs/files/$wanted"
  mv "$work/updater" "$programs/files/$wanted/updater.mjs"
  chmod 0644 "$programs/files/$wanted/updater.mjs"
  ln -sfn "files/$wanted/updater.mjs" "$programs/updater.new"
  mv -Tf "$programs/updater.new" "$programs/updater.mjs"
}

phase "stack $MUSTER_STACK"
certificates
volume
user
node
updater
phase "starting"
systemctl --no-block restart muster-updater.service
phase "done"
