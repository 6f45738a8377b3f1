#!/usr/bin/env bash
# On 2 processes under valgrind's memcheck: a fit with zeros with every solver, a fit of ratings with validation, and
# an export, predictions and recommendations of the model of ratings. Fails on errors of ours: invalid accesses, uninitialized values, and memory that is definitely lost. What Open MPI and the
# libraries below it do is suppressed, with Open MPI's own list and scripts/suppressions/valgrind.supp.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

announce valgrind
setup test
build build-valgrind dnmf_program -DBUILD_TESTING=OFF -DCMAKE_BUILD_TYPE=RelWithDebInfo
results=build-valgrind/results
mkdir -p "$results"

checker=(valgrind --quiet --num-callers=40 --error-exitcode=99 --leak-check=full --show-leak-kinds=definite
  --errors-for-leak-kinds=definite --suppressions=scripts/suppressions/valgrind.supp)
open_mpi_list=$(dirname "$(command -v mpirun)")/../share/openmpi/openmpi-valgrind.supp
if [ -f "$open_mpi_list" ]; then
  checker+=("--suppressions=$open_mpi_list")
fi

checked() { run_mpi 2 "${checker[@]}" build-valgrind/dnmf "$@" --threads 1 --quiet; }

checked generate -o "$results/ratings.h5" --kind ratings --rows 60 --cols 40 --density 0.2 --seed 3
for solver in hals mu bpp; do
  checked fit "$results/ratings.h5" -o "$results/model.h5" -k 4 --missing zero --solver "$solver" --max-iter 5
done
checked fit "$results/ratings.h5" -o "$results/model.h5" -k 2 --missing unobserved --validation 0.2 --max-iter 5
checked export "$results/model.h5" -o "$results/factors.csv"
checked export "$results/ratings.h5" -o "$results/pairs.csv"
checked predict "$results/model.h5" "$results/pairs.csv" -o "$results/scores.csv"
checked recommend "$results/model.h5" --seen "$results/ratings.h5" -n 5 -o "$results/lists.csv"
finished "no errors of ours"
