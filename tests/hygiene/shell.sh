#!/usr/bin/env bash
# The scripts are valid bash, and clean under shellcheck where it is installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -t scripts < <(find scripts tests .ci -name '*.sh' -o -path .ci/run)
for script in "${scripts[@]}"; do
  bash -n "$script"
done
if command -v shellcheck >/dev/null; then
  shellcheck -x "${scripts[@]}"
fi
