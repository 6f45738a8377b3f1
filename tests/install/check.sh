#!/usr/bin/env bash
# Whether an installed tree works: the program, its manual pages and completion, the library by pkg-config and CMake,
# the Python package. One line for each.
#
#   tests/install/check.sh SOURCE PREFIX      SOURCE: the clone; PREFIX: what cmake --install wrote to
set -uo pipefail
source=$1
prefix=$2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" || exit 1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
libraries=$(dirname "$(find "$prefix" -name libdnmf.so)")
export PATH="$prefix/bin:$PATH" LD_LIBRARY_PATH="$libraries" PKG_CONFIG_PATH="$libraries/pkgconfig"

failed=0
check() {
  local what=$1
  shift
  if "$@" >log 2>&1; then
    echo "install: $what: passed"
  else
    echo "install: $what: FAILED"
    tail -20 log | sed 's/^/  /'
    failed=$((failed + 1))
  fi
}

program_is_the_installed_one() { [ "$(command -v dnmf)" = "$prefix/bin/dnmf" ] && dnmf --version; }

manual_is_found() {
  local page
  for page in dnmf "dnmf-fit" "5 dnmf-files"; do
    # shellcheck disable=SC2086 # a section and a name
    [ "$(MANPATH="$prefix/share/man" MANPAGER=cat man $page | wc -l)" -gt 20 ] || return 1
  done
}

# completes WORDS... : what bash offers for the last of them.
completes() {
  bash -c 'source "$1" && shift && COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) && _dnmf && echo "${COMPREPLY[*]}"' _ \
    "$prefix/share/bash-completion/completions/dnmf" "$@"
}
completion_works() {
  [ "$(completes dnmf recom)" = recommend ] && [ "$(completes dnmf fit --solv)" = --solver ] &&
    [ "$(completes dnmf fit --solver ha)" = hals ]
}

pkg_config_works() {
  # shellcheck disable=SC2046 # flags are words
  gcc "$source/tests/consumers/short.c" -o short $(pkg-config --cflags --libs dnmf) && ./short | grep "relative error" &&
    mpirun --oversubscribe -n 2 ./short | grep "relative error"
}

cmake_works() {
  cmake -S "$source/tests/consumers" -B consumers -DCMAKE_PREFIX_PATH="$prefix" && cmake --build consumers &&
    consumers/sparse
}

# The clone stays as it is: pip builds in a copy. What pip would fetch to build with is Debian's where pip reaches nothing.
python_works() {
  cp -R "$source/scripts/python" python-source && python3 -m venv --system-site-packages environment &&
    { environment/bin/pip install -q ./python-source || environment/bin/pip install -q --no-build-isolation ./python-source; } &&
    environment/bin/python -c 'import numpy, dnmf
A = numpy.outer(numpy.arange(1., 9), numpy.arange(1., 6))
model = dnmf.NMF(n_components=1, init="random", random_state=0)
W = model.fit_transform(A)
assert abs(W @ model.components_ - A).max() < 1e-3'
}

check "the program" program_is_the_installed_one
check "dnmf --self-test" dnmf --self-test
check "dnmf --self-test on 2 processes" mpirun --oversubscribe -n 2 dnmf --self-test
check "man dnmf" manual_is_found
check "completion in bash" completion_works
check "pkg-config" pkg_config_works
check "find_package" cmake_works
if [ -d "$source/scripts/python" ]; then
  check "pip install scripts/python" python_works
else
  echo "install: pip install scripts/python: left out: there is no such folder"
fi
[ "$failed" -eq 0 ]
