#!/usr/bin/env bash
# Installs what is missing, builds, and runs the whole test suite.
#
#   scripts/test.sh [CTEST OPTION...]      e.g. scripts/test.sh -R unit.matrix
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

announce test
setup test
build build all -DBUILD_TESTING=ON "-DPython3_EXECUTABLE=$(test_python)"
allow_root_to_run_mpi
ctest --test-dir build --output-on-failure --parallel "$(cores)" "$@"
finished "the suite passed"
