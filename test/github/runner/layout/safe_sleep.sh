#!/bin/bash
# Waits without a program of its own, where sleep is missing.
if command -v sleep > /dev/null; then
  sleep "$1"
else
  SECONDS=0
  while [[ $SECONDS -lt $1 ]]; do :; done
fi
