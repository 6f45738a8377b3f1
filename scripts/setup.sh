#!/usr/bin/env bash
# Installs what is missing to build dnmf, to test it or to check its sources; the other scripts start here.
#
#   scripts/setup.sh [--mpi mpich] [build|test|lint|slurm|packages]
#                            default: build; test, lint and packages include build; slurm: a Slurm to test in;
#                            packages: what builds Debian packages
#
# With --mpi mpich, which scripts/quickstart.sh and scripts/test.sh take too, MPICH and the libraries built for it take
# Open MPI's place, in a build folder of their own; both may be installed.
# On Debian and Ubuntu only missing packages are installed, so nothing is downloaded when all are there.
# Elsewhere the packages are named, and the scripts go on when the tools are found.
# Sourced, it defines setup, build and the run_mpi function, and changes to the top of the source tree.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build_packages=(build-essential cmake ninja-build pkg-config libopenblas-openmp-dev libjansson-dev librandom123-dev
  libxxhash-dev zlib1g-dev libzstd-dev liblzma-dev libzip-dev lowdown)
openmpi_packages=(openmpi-bin libopenmpi-dev libhdf5-openmpi-dev libscalapack-openmpi-dev)
mpich_packages=(mpich libmpich-dev libhdf5-mpich-dev libscalapack-mpich-dev)
test_packages=(libcmocka-dev python3 python3-pytest python3-numpy python3-scipy python3-h5py python3-sklearn
  python3-pandas python3-mpi4py python3-setuptools python3-wheel python3-pip python3-anndata python3-tables
  python3-matplotlib valgrind hdf5-tools zstd jq sqlite3 unzip bzip2 man-db mandoc groff-base zsh fish)
lint_packages=(clang-format clang-tidy cppcheck)
slurm_packages=(slurm-wlm munge)
deb_packages=(debhelper lintian)
python_modules=(pytest numpy scipy h5py sklearn anndata matplotlib)

# The MPI library, where its programs are built, and what CMake is told of it.
mpi=openmpi
build_folder=build
mpi_options=()

# choose_mpi ARGUMENT...: takes --mpi NAME from the front; sets the above, and `arguments` to what is left.
choose_mpi() {
  arguments=("$@")
  # shellcheck disable=SC2034 # build_folder is for the scripts that source this
  if [ "${1:-}" = --mpi ]; then
    case ${2:-} in
      openmpi) ;;
      mpich) mpi=mpich build_folder="build-mpich" mpi_options=(-DDNMF_MPI=mpich) ;;
      *) echo "setup: --mpi openmpi or --mpi mpich, not '${2:-}'" >&2 && return 2 ;;
    esac
    arguments=("${@:3}")
  fi
}

cores() { nproc 2>/dev/null || getconf _NPROCESSORS_ONLN; }

# The first interpreter that can import all the named modules; Debian's own comes before others on PATH.
python_with() {
  local modules python
  modules=$(IFS=,; echo "$*")
  for python in "${PYTHON:-}" /usr/bin/python3 python3; do
    if [ -n "$python" ] && "$python" -c "import $modules" 2>/dev/null; then
      command -v "$python"
      return
    fi
  done
  return 1
}

# The interpreter that the tests run with.
test_python() { python_with "${python_modules[@]}"; }

packages_of() {
  local with_mpi="${build_packages[*]} ${openmpi_packages[*]}"
  if [ "$mpi" = mpich ]; then
    with_mpi="${build_packages[*]} ${mpich_packages[*]}"
  fi
  case $1 in
    build) echo "$with_mpi" ;;
    test) echo "$with_mpi ${test_packages[*]}" ;;
    lint) echo "$with_mpi ${lint_packages[*]}" ;;
    slurm) echo "${slurm_packages[*]}" ;;
    packages) echo "$with_mpi ${deb_packages[*]}" ;;
    *) echo "setup: no such set of packages: $1 (build, test, lint, slurm or packages)" >&2 && return 2 ;;
  esac
}

missing_packages() {
  local package
  for package in $(packages_of "$1"); do
    dpkg -s "$package" 2>/dev/null | grep -q '^Status:.* installed$' || echo "$package"
  done
}

# Tools and libraries that are not there, whoever should have installed them.
missing_tools() {
  local tool tools=(cmake mpicc mpirun pkg-config)
  if [ "$mpi" = mpich ]; then
    tools=(cmake mpicc.mpich mpiexec.mpich h5pcc.mpich pkg-config)
  fi
  for tool in "${tools[@]}"; do
    command -v "$tool" >/dev/null || echo "$tool"
  done
  command -v ninja >/dev/null || command -v make >/dev/null || echo "ninja or make"
  command -v h5pcc >/dev/null || command -v h5pcc.openmpi >/dev/null || [ -n "${HDF5_ROOT:-}" ] ||
    pkg-config --exists hdf5-openmpi 2>/dev/null || pkg-config --exists hdf5 2>/dev/null || echo "parallel HDF5"
  for tool in jansson zlib libzstd liblzma libzip; do
    pkg-config --exists "$tool" 2>/dev/null || echo "$tool"
  done
  if [ "$1" = test ]; then
    pkg-config --exists cmocka 2>/dev/null || echo "cmocka"
    test_python >/dev/null || echo "a python3 with ${python_modules[*]}"
  fi
  if [ "$1" = lint ]; then
    for tool in "${lint_packages[@]}"; do
      command -v "$tool" >/dev/null || echo "$tool"
    done
  fi
  if [ "$1" = packages ]; then
    for tool in dpkg-buildpackage dh lintian; do
      command -v "$tool" >/dev/null || echo "$tool"
    done
  fi
}

install_packages() {
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "setup: neither root nor sudo: cannot install $*" >&2; return 1; }
    as_root=(sudo)
  fi
  echo "setup: installing $*"
  "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# setup SET: fails with one line when something is missing that could not be installed.
setup() {
  local set=${1:-build} packages=() absent
  packages_of "$set" >/dev/null
  if command -v apt-get >/dev/null && command -v dpkg >/dev/null; then
    mapfile -t packages < <(missing_packages "$set")
    [ ${#packages[@]} -eq 0 ] && return
    if install_packages "${packages[@]}"; then
      return
    fi
  else
    echo "setup: this system has no apt-get; the packages, by their Debian names: $(packages_of "$set")"
  fi
  absent=$(missing_tools "$set" | paste -sd, | sed 's/,/, /g')
  if [ -n "$absent" ]; then
    echo "setup: cannot go on without: $absent" >&2
    return 1
  fi
  echo "setup: the tools are there; going on"
}

# Tests at a time: starting and ending MPI is mostly waiting, so that two tests keep less than one core busy.
test_jobs() { echo $(($(cores) + 2)); }

# build DIRECTORY TARGET [CMAKE OPTION...]: configures and builds. A directory keeps the generator it has. With
# DNMF_WERROR=ON in the environment a warning is an error.
build() {
  local directory=$1 target=$2 generator=()
  shift 2
  if [ ! -f "$directory/CMakeCache.txt" ] && command -v ninja >/dev/null; then
    generator=(-G Ninja)
  fi
  cmake -S . -B "$directory" "${generator[@]}" "${mpi_options[@]}" -DDNMF_WERROR="${DNMF_WERROR:-OFF}" "$@"
  cmake --build "$directory" --target "$target" --parallel "$(cores)"
}

# Open MPI refuses to run as root unless told.
allow_root_to_run_mpi() {
  if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
}

# run_mpi PROCESSES COMMAND...: under mpirun, with more processes than cores only where that is so.
run_mpi() {
  local processes=$1 options=()
  shift
  if [ "$mpi" = mpich ]; then
    mpiexec.mpich -n "$processes" "$@"
    return
  fi
  allow_root_to_run_mpi
  if [ "$processes" -gt "$(cores)" ]; then
    options=(--oversubscribe)
  fi
  mpirun "${options[@]}" -n "$processes" "$@"
}

# announce NAME, then finished TEXT: the script's last line says whether it worked, however it ends.
announce() {
  script_name=$1
  success=""
  trap 'say_how_it_ended $?' EXIT
}

finished() { success=$1; }

say_how_it_ended() {
  if [ "$1" -eq 0 ] && [ -n "$success" ]; then
    echo "$script_name: $success"
  elif [ "$1" -eq 0 ]; then
    # A signal ends the script with the status of the command before.
    echo "$script_name: FAILED (stopped before its end)" >&2
    exit 1
  else
    echo "$script_name: FAILED (exit status $1)" >&2
  fi
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  announce setup
  choose_mpi "$@"
  setup "${arguments[0]:-build}"
  finished "everything to ${arguments[0]:-build} is there"
fi
