#!/usr/bin/env bash
# Strong and weak scaling: measured with real runs, or simulated for thousands of processes with SimGrid's SMPI.
#
#   scripts/scaling/run.sh measure [OPTION...]     up to 64 processes on this machine; --launcher srun inside a Slurm job
#   scripts/scaling/run.sh measure --scale 0.1 --processes 1,2,4 --repeats 1       to try it, half a minute
#   scripts/scaling/run.sh simulate [OPTION...]    16 to 4096 processes (default to 1024) on a fat tree; needs Debian's libsimgrid-dev
#   scripts/scaling/run.sh simulate --processes 16,64,256                          to try it, half a minute
#   scripts/scaling/run.sh simulate --machine scripts/scaling/core.json            the rates of a core of scaling.md
#
# measure --help and simulate --help tell their options. Tables, CSV files and pictures go to build/scaling.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

kind=${1:-}
case $kind in
  measure | simulate) shift ;;
  *) echo "usage: scripts/scaling/run.sh measure|simulate [OPTION...]; see the head of the script" >&2; exit 2 ;;
esac
announce scaling
setup build
if [ -f build/CMakeCache.txt ]; then
  build build dnmf_program
else
  build build dnmf_program -DBUILD_TESTING=OFF
fi
if [ "$kind" = simulate ]; then
  if ! command -v smpicc >/dev/null; then
    echo "scaling: the simulation needs SimGrid's smpicc and smpirun; on Debian: apt-get install libsimgrid-dev" >&2
    exit 1
  fi
  cmake -S scripts/scaling/simulation -B build/simulation
  cmake --build build/simulation --parallel "$(cores)"
fi
allow_root_to_run_mpi
python=$(python_with matplotlib) ||
  { echo "scaling: no python3 has matplotlib; name one with PYTHON=, or on Debian: apt-get install python3-matplotlib" >&2; exit 1; }
PYTHONPATH=scripts/bench "$python" -B "scripts/scaling/$kind.py" "$@"
finished "done"
