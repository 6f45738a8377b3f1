#!/usr/bin/env bash
# Builds the Debian packages of dnmf from this source tree, and has lintian look at them. They are for the release and
# the architecture of this machine:
#
#   dnmf             the program, its man pages and completion for bash, zsh and fish
#   libdnmfVERSION   the shared library
#   libdnmf-dev      header, static library, pkg-config and CMake files
#   python3-dnmf     the Python package
#
#   scripts/packaging/debian.sh [FOLDER]         default: build-debian; the packages are there at the end
#
# DEBFULLNAME and DEBEMAIL in the environment name the maintainer. Compiled with ccache where that is installed.
set -euo pipefail
# shellcheck source=scripts/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/../setup.sh"

announce packages
folder=$(realpath -m "${1:-build-debian}")
source=$folder/source
packaging=$source/debian

setup packages
rm -rf "$source"
mkdir -p "$source"
rm -f "$folder"/*.deb "$folder"/*.buildinfo "$folder"/*.changes
cp -R src include scripts CMakeLists.txt README.md LICENSE CHANGELOG.md "$source"
cp -R scripts/packaging/debian "$packaging"

# What is known of the version elsewhere goes into the packaging: version and soname as CMakeLists.txt makes them.
part() { sed -n "s/^#define DNMF_VERSION_$1 //p" include/dnmf.h; }
version=$(part MAJOR).$(part MINOR).$(part PATCH)
soversion=$(part MAJOR)
if [ "$soversion" -eq 0 ]; then
  soversion=0.$(part MINOR)
fi
maintainer="${DEBFULLNAME:-dnmf authors} <${DEBEMAIL:-dnmf@localhost.localdomain}>"
needed=$(packages_of build | sed 's/build-essential //; s/ /, /g') # Debian has build-essential anyway
written=$(git log -1 --format=%cD 2>/dev/null || date -R -r CHANGELOG.md) # the time of the source, not of the build
for template in "$packaging"/*.in; do
  sed -e "s/@VERSION@/$version/; s/@SOVERSION@/$soversion/; s/@MAINTAINER@/$maintainer/; s/@DATE@/$written/" \
    -e "s/@BUILD_PACKAGES@/$needed/" \
    "$template" > "${template%.in}"
  rm "$template"
done
mv "$packaging/libdnmf.install" "$packaging/libdnmf$soversion.install"

# Without an address the packages are for this machine, and no host is right.
unlooked=()
if [ -z "${DEBEMAIL:-}" ]; then
  unlooked=(--suppress-tags "bogus-mail-host,bogus-mail-host-in-debian-changelog")
fi

launcher=()
if command -v ccache >/dev/null; then
  launcher=(DNMF_LAUNCHER=ccache)
fi
(cd "$source" && env "${launcher[@]}" DEB_BUILD_OPTIONS="parallel=$(cores) noautodbgsym" dpkg-buildpackage -us -uc -b)
as_root=()
if [ "$(id -u)" -eq 0 ]; then
  as_root=(--allow-root)
fi
lintian "${as_root[@]}" "${unlooked[@]}" --fail-on error,warning "$folder"/*.changes
finished "$(cd "$folder" && echo ./*.deb) in $folder"
