#!/bin/bash
# Keeps the listener alive, with the exit codes of the real runner's run.sh: a supervisor that starts this sees 0
# for every end but a deprecated version.

DIR="$(cd -P "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)"

run() {
  while :; do
    cp -f "$DIR"/run-helper.sh.template "$DIR"/run-helper.sh
    "$DIR"/run-helper.sh "$@"
    returnCode=$?
    finish "$returnCode" 0
  done
}

# RUNNER_MANUALLY_TRAP_SIG: INT and TERM become a SIGINT for the listener's whole process group.
run_with_manual_trap() {
  set -m
  trap 'kill -INT -$PID' INT TERM
  while :; do
    cp -f "$DIR"/run-helper.sh.template "$DIR"/run-helper.sh
    "$DIR"/run-helper.sh "$@" &
    PID=$!
    wait $PID
    returnCode=$?
    if [[ $returnCode -gt 128 ]]; then
      # The wait was interrupted by the trap: the helper's own code comes now.
      trap - INT TERM
      wait $PID
      returnCode=$?
    fi
    finish "$returnCode" "$returnCode"
  done
}

# $1: the helper's code; $2: what to exit with. Returns to try again.
finish() {
  if [[ $1 -eq 2 ]]; then
    echo "Restarting runner..."
  elif [[ "$ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE" == "1" && $1 -eq 7 ]]; then
    echo "Exiting runner..."
    exit 7
  else
    echo "Exiting runner..."
    exit "$2"
  fi
}

if [[ -z "$RUNNER_MANUALLY_TRAP_SIG" ]]; then
  run "$@"
else
  run_with_manual_trap "$@"
fi
