#!/bin/bash
# Writes .path and, for the variables below that are set and not there yet, .env.

varCheckList=(LANG JAVA_HOME ANT_HOME M2_HOME ANDROID_HOME ANDROID_SDK_ROOT GRADLE_HOME NVM_BIN NVM_PATH LD_LIBRARY_PATH PERL5LIB)

touch .env
echo "$PATH" > .path
for name in "${varCheckList[@]}"; do
  if [ -n "${!name}" ] && ! grep -q "^${name}=" .env; then
    echo "${name}=${!name}" >> .env
  fi
done
