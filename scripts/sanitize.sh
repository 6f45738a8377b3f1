#!/usr/bin/env bash
# Runs the test suite built with AddressSanitizer, LeakSanitizer and UndefinedBehaviorSanitizer.
#
#   scripts/sanitize.sh                    all unit tests, on 1 and 3 processes, and of the command-line tests help,
#                                          small_table and model_file
#   scripts/sanitize.sh --quick            the unit tests of files, communication, fits and models that are quick
#   scripts/sanitize.sh --all              everything, for a long wait
#   scripts/sanitize.sh CTEST OPTION...    e.g. scripts/sanitize.sh -R cli.test_predict
#
# Starting and ending MPI takes seconds under the sanitizers, and the command-line tests do so hundreds of times;
# scripts/valgrind.sh fits both kinds of model and has predictions and recommendations made, in a few runs.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

announce sanitize
selection=("$@")
case ${1:-} in
  "") selection=(-R '^unit\.|^cli\.test_(help|small_table|model_file)$') ;;
  --quick) selection=(-R '^unit\.(comm|store|factor|fit|model|api|cli)/' -E 'test_(dictionary|full_disk|laws|cost)$') ;;
  --all) selection=("${@:2}") ;;
esac
setup test
build build-sanitize all -DBUILD_TESTING=ON "-DPython3_EXECUTABLE=$(test_python)" -DDNMF_SANITIZE=ON -DCMAKE_BUILD_TYPE=Debug
allow_root_to_run_mpi
# Whole stacks, so that what Open MPI leaves allocated is told from what is ours: its modules have no frame pointers.
export ASAN_OPTIONS="fast_unwind_on_malloc=0:${ASAN_OPTIONS:-}"
export LSAN_OPTIONS="suppressions=$PWD/scripts/suppressions/leaks.supp:print_suppressions=0:${LSAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
ctest --test-dir build-sanitize --output-on-failure --parallel "$(test_jobs)" "${selection[@]}"
finished "the selected tests passed"
