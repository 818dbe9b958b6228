#!/bin/sh
# Starts the updater. A new one takes away "updater.fresh" once it works; three starts without that, and the one before
# comes back.
set -eu
cd "${MUSTER_PROGRAMS:-/opt/muster}"
if [ -e updater.fresh ]; then
  starts=$(($(cat updater.fresh 2>/dev/null || echo 0) + 1))
  if [ "$starts" -gt 3 ] && [ -e updater.before ]; then
    echo "the new updater did not work in 3 starts: the one before comes back"
    readlink updater.mjs >updater.refused
    mv -f updater.before updater.mjs
    rm -f updater.fresh
  else
    echo "$starts" >updater.fresh
  fi
fi
exec ./node --max-semi-space-size=1 updater.mjs
