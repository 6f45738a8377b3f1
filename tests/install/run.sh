#!/usr/bin/env bash
# What a new user does, on a fresh Debian that has nothing: the two commands of README.md in a clean clone, the install,
# man, completion, pkg-config and CMake, pip; then, on another fresh Debian, the packages.
#
#   tests/install/run.sh [--suite] [--keep] [FOLDER]
#
#   --suite   the whole of scripts/test.sh, not only its set-up, its build and a few tests
#   --keep    leave FOLDER (default: a new one in $TMPDIR) with both systems, and the file that they begin from, which
#             the next run with that folder begins from, too
#
# Needs root, mmdebstrap and a mirror of Debian; takes ten minutes and 5 GB of disk, and is not part of the suite. Without
# these it says so, and checks what is built here, installed to a private prefix. The mirror is the one that mmdebstrap
# finds, or DNMF_MIRROR.
# shellcheck disable=SC2016 # what stands in single quotes is for the other system's shell
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

suite=few
keep=""
while [ $# -gt 0 ]; do
  case $1 in
    --suite) suite=whole ;;
    --keep) keep=yes ;;
    -*) sed -n '2,/^# shell/{/^# shell/d;s/^# \{0,1\}//;p}' "$0" && exit 2 ;;
    *) folder=$1 ;;
  esac
  shift
done

# A namespace of mounts that go with it, so that nothing stays mounted however this ends.
if [ "$(id -u)" -eq 0 ] && [ -z "${DNMF_INSTALL_MOUNTS:-}" ] && command -v mmdebstrap >/dev/null && unshare -m true; then
  arguments=(--keep)
  [ -n "${folder:-}" ] || folder=$(mktemp -d)
  [ "$suite" = few ] || arguments+=(--suite)
  status=0
  DNMF_INSTALL_MOUNTS=yes unshare -m "$0" "${arguments[@]}" "$folder" || status=$?
  [ -n "$keep" ] || rm -rf --one-file-system "$folder"
  exit "$status"
fi

if [ -z "${DNMF_INSTALL_MOUNTS:-}" ]; then
  echo "install: no fresh system (needs root, mmdebstrap and mounts): what is in build/ is installed to a private prefix"
  prefix=$(mktemp -d)
  cmake --install build --prefix "$prefix" >/dev/null
  status=0
  tests/install/check.sh "$PWD" "$prefix" || status=$?
  rm -rf "$prefix"
  exit "$status"
fi

# --- In the namespace ----------------------------------------------------------------------------------------

# fresh NAME: a new system in $folder/NAME.
fresh() {
  rm -rf --one-file-system "${folder:?}/$1"
  mkdir "$folder/$1"
  tar -C "$folder/$1" -xf "$folder/base.tar"
  cp -L /etc/resolv.conf "$folder/$1/etc/resolv.conf"
  mount --rbind /dev "$folder/$1/dev"
  mount -t proc proc "$folder/$1/proc"
  mount --rbind /sys "$folder/$1/sys"
  mkdir -p "$folder/archives" "$folder/$1/var/cache/apt/archives"
  mount --bind "$folder/archives" "$folder/$1/var/cache/apt/archives"
}

# inside NAME COMMAND...: as root of that system, with an environment of its own.
inside() {
  local name=$1
  shift
  chroot "$folder/$name" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "$@"
}

# check WHAT COMMAND...: one line; what the command said, where it failed.
failed=0
check() {
  local what=$1 began=$SECONDS
  shift
  if "$@" >"$folder/check.log" 2>&1; then
    echo "install: $what: passed ($((SECONDS - began)) s)"
  else
    echo "install: $what: FAILED"
    tail -40 "$folder/check.log" | sed 's/^/  /'
    failed=$((failed + 1))
  fi
}

mkdir -p "$folder"
folder=$(realpath "$folder")
# shellcheck source=/dev/null
release=$(source /etc/os-release && echo "${VERSION_CODENAME:-stable}")
if [ ! -f "$folder/base.tar" ]; then
  # Rules about which files of a package to leave out, as images of containers have them, are not a fresh system's.
  mmdebstrap --quiet --variant=minbase --include=git,ca-certificates "$release" "$folder/base.tar" \
    ${DNMF_MIRROR:+"$DNMF_MIRROR"}
fi

fresh builder
git clone -q . "$folder/builder/root/dnmf"
check "scripts/quickstart.sh" inside builder /root/dnmf/scripts/quickstart.sh
if [ "$suite" = whole ]; then
  check "scripts/test.sh" inside builder /root/dnmf/scripts/test.sh
else
  check "scripts/test.sh, a few tests" inside builder /root/dnmf/scripts/test.sh -R 'unit.base|cli.test_self_test|cli.test_pages'
fi
check "cmake --install" inside builder cmake --install /root/dnmf/build --prefix /root/.local
check "packages of a virtual environment" inside builder apt-get install -y -qq --no-install-recommends python3-venv python3-pip
inside builder /root/dnmf/tests/install/check.sh /root/dnmf /root/.local || failed=$((failed + 1))
check "scripts/packaging/debian.sh" inside builder /root/dnmf/scripts/packaging/debian.sh /root/packages

fresh user
cp "$folder"/builder/root/packages/*.deb "$folder/user/root/"
check "what the packages need" inside user sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends \
  man-db openmpi-bin $(dpkg-deb -f /root/dnmf_*.deb Depends | sed "s/([^)]*)//g; s/,//g")'
check "dpkg -i dnmf" inside user sh -c 'dpkg -i /root/dnmf_*.deb /root/libdnmf[0-9]*.deb'
check "dnmf --self-test" inside user dnmf --self-test
check "dnmf --self-test on 3 processes" inside user mpirun --oversubscribe -n 3 dnmf --self-test
check "man dnmf" inside user sh -c 'man dnmf-fit | grep -q -- --components'
check "completion" inside user bash -c 'source /usr/share/bash-completion/completions/dnmf && complete -p dnmf'
cp tests/consumers/short.c "$folder/user/root/"
check "python3-dnmf" inside user sh -c 'apt-get install -y -qq --no-install-recommends /root/python3-dnmf_*.deb && cd / &&
  python3 -c "import dnmf, numpy; dnmf.NMF(1, random_state=0).fit(numpy.ones((4, 3)))"'
check "libdnmf-dev" inside user sh -c 'apt-get install -y -qq --no-install-recommends gcc pkg-config /root/libdnmf-dev_*.deb &&
  cd /root && gcc short.c -o short $(pkg-config --cflags --libs dnmf) && ./short | grep "relative error"'
check "libdnmf-dev, linked statically" inside user sh -c 'cd /root && gcc short.c -o whole -Wl,-Bstatic -ldnmf \
  -Wl,-Bdynamic $(pkg-config --cflags --libs --static dnmf) && ./whole | grep "relative error"'
check "the packages go again" inside user sh -c 'dpkg -r python3-dnmf libdnmf-dev dnmf $(dpkg-query -W -f "\${Package}\n" "libdnmf[0-9]*") && ! command -v dnmf'

if [ "$failed" -gt 0 ]; then
  echo "install: FAILED: $failed" >&2
  exit 1
fi
echo "install: dnmf works on a fresh system"
