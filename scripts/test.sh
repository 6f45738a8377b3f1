#!/usr/bin/env bash
# Installs what is missing, builds, and runs the whole test suite.
#
#   scripts/test.sh [--mpi mpich] [CTEST OPTION...]      e.g. scripts/test.sh -R unit.matrix
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

announce test
choose_mpi "$@"
setup test
build "$build_folder" all -DBUILD_TESTING=ON "-DPython3_EXECUTABLE=$(test_python)"
allow_root_to_run_mpi
ctest --test-dir "$build_folder" --output-on-failure --parallel "$(test_jobs)" "${arguments[@]}"
finished "the suite passed"
