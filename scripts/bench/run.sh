#!/usr/bin/env bash
# Builds dnmf (Release) and measures it beside scikit-learn and, where installed, RcppML; see bench.py --help for the options.
#
#   scripts/bench/run.sh                   the full sizes: an hour and 4 GB of memory on two cores
#   scripts/bench/run.sh --scale 0.1       a tenth of the rows and columns' product, in a minute or two
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

announce bench
setup build
if [ -f build/CMakeCache.txt ]; then
  build build dnmf_program
else
  build build dnmf_program -DBUILD_TESTING=OFF
fi
allow_root_to_run_mpi
for module in numpy scipy h5py sklearn matplotlib; do
  python_with "$module" >/dev/null || { echo "bench: python3 lacks $module; on Debian: apt-get install python3-$module" >&2; exit 1; }
done
python=$(python_with numpy scipy h5py sklearn matplotlib) ||
  { echo "bench: no one python3 has numpy, scipy, h5py, sklearn and matplotlib; name it with PYTHON=" >&2; exit 1; }
"$python" scripts/bench/bench.py "$@"
finished "measured"
