#!/usr/bin/env bash
# Kills a process of a running fit, again and again, while it iterates, saves a checkpoint or writes the model, and
# checks that whatever has a final name is whole and that the fit goes on to the same result.
#
#   scripts/kill.sh [N]      N kills (default 50), about three seconds each
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

announce kill
setup test
build build dnmf_program
DNMF_KILLS=${1:-50} DNMF_PROGRAM=$PWD/build/dnmf "$(test_python)" -B -m pytest -q -rP -p no:cacheprovider \
  tests/cli/test_kill.py
finished "every fit survived"
