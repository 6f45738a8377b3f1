#!/usr/bin/env bash
# Sources are as clang-format leaves them. Other versions than 14 differ in details, so there it is skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
if ! clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
  echo "skipped: clang-format 14 is not installed"
  exit 77
fi
find src include tests -name '*.[ch]' -print0 | xargs -0 clang-format --dry-run --Werror
