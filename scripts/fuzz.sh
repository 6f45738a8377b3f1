#!/usr/bin/env bash
# Fuzzes the readers with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, from the good files of tests/fuzz.
#
#   scripts/fuzz.sh [SECONDS] [TARGET...]     default: 60 seconds each of text matrix_market npy npz hdf5
#
# Needs clang and its runtime (Debian: clang libclang-rt-dev). What it learns stays in build-fuzz/corpus; an input that
# breaks a promise is kept in build-fuzz/found, and ends the run of its target; of hdf5, it is given to the program, which
# must refuse it or read it.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

announce fuzz
seconds=${1:-60}
targets=("${@:2}")
if [ ${#targets[@]} -eq 0 ]; then
  targets=(text matrix_market npy npz hdf5)
fi
command -v clang >/dev/null || { echo "fuzz: clang is not there (Debian: clang libclang-rt-dev)" >&2; exit 1; }
setup test
build build-fuzz all -DCMAKE_C_COMPILER=clang -DDNMF_FUZZ=ON -DBUILD_TESTING=OFF -DCMAKE_BUILD_TYPE=RelWithDebInfo
allow_root_to_run_mpi
"$(test_python)" -B tests/fuzz/samples.py build-fuzz/seeds
mkdir -p build-fuzz/found
export OMP_NUM_THREADS=1 ASAN_OPTIONS="allocator_may_return_null=1:${ASAN_OPTIONS:-}"
for target in "${targets[@]}"; do
  options=()
  asan=$ASAN_OPTIONS
  if [ "$target" = hdf5 ]; then
    # Where a file is damaged HDF5 loses memory, reads beyond what it has, and crashes: what it does is told apart below.
    options=(-fork=1 -ignore_crashes=1 -ignore_timeouts=1 -ignore_ooms=1)
    asan=suppressions=$PWD/tests/fuzz/hdf5.supp:detect_leaks=0:$asan
  fi
  mkdir -p "build-fuzz/corpus/$target"
  echo "fuzz: $target"
  ASAN_OPTIONS=$asan "build-fuzz/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=16384 -timeout=30 -rss_limit_mb=3000 \
    -malloc_limit_mb=512 -artifact_prefix="build-fuzz/found/$target-" -verbosity=0 -print_final_stats=1 "${options[@]}" \
    "build-fuzz/corpus/$target" "build-fuzz/seeds/$target" || [ "$target" = hdf5 ] # whose finds are tried below
done
program=${DNMF_PROGRAM:-}
if [ -z "$program" ]; then
  build build-fuzz-program dnmf_program -DBUILD_TESTING=OFF
  program=build-fuzz-program/dnmf
fi
for found in build-fuzz/found/hdf5-*; do
  [ -e "$found" ] || continue
  status=0
  message=$("$program" info "$found" 2>&1) || status=$?
  told="dnmf: error: *${found##*/}*"
  [ "$status" -gt 128 ] && told="dnmf: error: *${found##*/} crashed: it is damaged*" # HDF5 crashed
  # shellcheck disable=SC2053 # a pattern
  if [ "$status" -ne 0 ] && { [ "$status" -gt 1 ] && [ "$status" -le 128 ] || [[ $message != $told ]]; }; then
    echo "fuzz: dnmf info $found: exit status $status: $message" >&2
    exit 1
  fi
done
finished "no promise was broken"
