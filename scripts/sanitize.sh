#!/usr/bin/env bash
# Runs the test suite built with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer.
#
#   scripts/sanitize.sh [CTEST OPTION...]
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

announce sanitize
setup test
build build-sanitize all -DBUILD_TESTING=ON "-DPython3_EXECUTABLE=$(test_python)" -DDNMF_SANITIZE=ON -DCMAKE_BUILD_TYPE=Debug
allow_root_to_run_mpi
# Whole stacks, so that what Open MPI leaves allocated is told from what is ours: its modules have no frame pointers.
export ASAN_OPTIONS="fast_unwind_on_malloc=0:${ASAN_OPTIONS:-}"
export LSAN_OPTIONS="suppressions=$PWD/scripts/suppressions/leaks.supp:print_suppressions=0:${LSAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
ctest --test-dir build-sanitize --output-on-failure --parallel "$(cores)" "$@"
finished "the suite passed"
