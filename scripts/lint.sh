#!/usr/bin/env bash
# clang-tidy over the sources as they are compiled, then cppcheck. Both are quiet on a clean tree.
#
#   scripts/lint.sh [--quick] [SOURCE FILE...]     default: all sources and tests
#
# --quick leaves out clang's analyzer, which takes nine tenths of the time.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

announce lint
setup lint
[ -f build/compile_commands.json ] || build build help
checks=()
if [ "${1:-}" = --quick ]; then
  checks=("--checks=-clang-analyzer-*")
  shift
fi
files=("$@")
if [ ${#files[@]} -eq 0 ]; then
  mapfile -t files < <(find src tests -name '*.c' ! -path 'tests/consumers/*' ! -path 'tests/fuzz/*' | sort)
fi
# One file a run: clang-tidy 14 mistakes a started va_list for an uninitialized one in the files after the first.
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(cores)" clang-tidy -p build --quiet "${checks[@]}" 2> >(grep -v 'warnings generated' >&2)
cppcheck --quiet -j "$(cores)" --error-exitcode=1 --std=c11 --enable=warning,performance,portability --inline-suppr \
  --suppress=missingIncludeSystem -I include -I src -D_POSIX_C_SOURCE=200809L "${files[@]}"
finished "clang-tidy and cppcheck are quiet"
