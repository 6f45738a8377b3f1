#!/usr/bin/env bash
# Installs what is missing, builds dnmf, and factorizes three small ratings files and one of MovieLens size, with
# two processes. Results go to build/quickstart.
#
#   scripts/quickstart.sh [--mpi mpich]      with MPICH instead of Open MPI, in build-mpich
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

announce quickstart
choose_mpi "$@"
results=$build_folder/quickstart

dnmf() { run_mpi 2 "$build_folder/dnmf" "$@" --progress never; }

# A CSV file in aligned columns.
show() {
  echo "-- $1"
  awk -F, '{ for (i = 1; i <= NF; i++) printf i == 1 ? "%-8s" : "%12.10s", $i; print "" }' "$2"
}

# fit_and_show NAME MISSING: two components of a file of inputs/, with the names of rows and columns.
fit_and_show() {
  local name=$1 missing=$2
  echo
  show "inputs/$name.csv" "inputs/$name.csv"
  dnmf fit "inputs/$name.csv" -o "$results/$name-model.h5" -k 2 --missing "$missing"
  dnmf export "$results/$name-model.h5" -o "$results/$name.csv" --quiet
  show "W: how much each row has of each component" "$results/$name-W.csv"
  show "H: how much each column has of each component" "$results/$name-H.csv"
}

setup build
if [ -f "$build_folder/CMakeCache.txt" ]; then
  build "$build_folder" dnmf_program
else
  build "$build_folder" dnmf_program -DBUILD_TESTING=OFF
fi
mkdir -p "$results"

fit_and_show ratings-5x4 zero
fit_and_show ratings-3x3 unobserved
fit_and_show ratings-triples unobserved
echo "-- what user 1 would give item B, and what to show everybody"
dnmf predict "$results/ratings-triples-model.h5" --row 1 --col B
dnmf recommend "$results/ratings-triples-model.h5" --seen inputs/ratings-triples.csv --rows 1,2,3 -n 1

echo
echo "-- a generated ratings matrix of MovieLens 100K's size"
dnmf generate -o "$results/movielens-size.h5" --kind ratings --rows 943 --cols 1682 --nnz 100000 --seed 1
dnmf fit "$results/movielens-size.h5" -o "$results/movielens-size-model.h5" -k 20 --validation 0.1
dnmf recommend "$results/movielens-size-model.h5" --seen "$results/movielens-size.h5" --rows 0,1,2 -n 5
finished "dnmf works: $build_folder/dnmf --help tells what it can do; the models are in $results"
