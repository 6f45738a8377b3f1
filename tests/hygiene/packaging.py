"""The Spack recipe and the Debian packaging say what CMakeLists.txt and the header say. Spack itself is not asked: the
recipe is run with stand-ins for Spack's words, which write down what it declares.

    packaging.py [ROOT]
"""
import re
import sys
import types

from sources import report, root_from_arguments

RECIPE = "scripts/packaging/spack/packages/dnmf/package.py"
# What CMake finds, and the Spack packages (or virtual ones) that have it.
SPACK = {"MPI": "mpi", "OpenMP": None, "HDF5": "hdf5", "BLAS": "blas", "LAPACK": "lapack", "ScaLAPACK": "scalapack",
         "PkgConfig": "pkgconfig", "jansson": "jansson", "zlib": "zlib-api", "libzstd": "zstd", "liblzma": "xz",
         "libzip": "libzip", "Random123/philox.h": "random123", "xxhash.h": "xxhash", "cblas.h": "blas"}
# The packages that hold a library which libdnmf.a needs; the others hold headers or tools of the build.
HEADERS_AND_TOOLS = {"cmake", "ninja-build", "pkg-config", "build-essential", "librandom123-dev", "libxxhash-dev", "openmpi-bin", "lowdown"}


class Spec(dict):
    """self.spec["hdf5"].prefix"""
    def __missing__(self, name):
        return types.SimpleNamespace(prefix="/" + name)


class CMakePackage:
    spec = Spec()
    run_tests = False
    prefix = types.SimpleNamespace(bin=types.SimpleNamespace(dnmf="dnmf"))

    def define(self, name, value):
        return name, value


def run_recipe(root):
    """What the recipe declares, by word, and the class."""
    said = {}
    module = types.ModuleType("spack.package")
    for word in ("license", "version", "generator", "depends_on"):
        setattr(module, word, lambda *values, word=word, **more: said.setdefault(word, []).append((values, more)))
    module.CMakePackage = CMakePackage
    module.which = lambda path: lambda *arguments: said.setdefault("ran", []).append((path, *arguments))
    sys.modules["spack"], sys.modules["spack.package"] = types.ModuleType("spack"), module
    scope = {}
    exec(compile((root / RECIPE).read_text(), RECIPE, "exec"), scope)
    return said, scope["Dnmf"]()


def version_of(root):
    header = (root / "include/dnmf.h").read_text()
    return ".".join(re.search(rf"define DNMF_VERSION_{part} (\d+)", header)[1] for part in ("MAJOR", "MINOR", "PATCH"))


def found_by_cmake(root):
    text = (root / "CMakeLists.txt").read_text()
    yield from set(re.findall(r"^find_package\((\w+)", text, re.MULTILINE)) | {"MPI"} # DnmfMPI.cmake finds it
    for modules in re.findall(r"pkg_check_modules\(\w+ REQUIRED IMPORTED_TARGET ([^)]*)\)", text):
        yield from modules.split()
    yield from re.findall(r"find_path\(\w+ (\S+)", text)


def spack_findings(root):
    said, package = run_recipe(root)
    needed = {re.match(r"[\w-]+", values[0])[0] for values, _ in said["depends_on"]}
    if said["version"][0][0][0] != version_of(root):
        yield f"{RECIPE}: version {said['version'][0][0][0]}, include/dnmf.h has {version_of(root)}"
    for name in found_by_cmake(root):
        if SPACK.get(name, name) not in needed | {None}:
            yield f"{RECIPE}: CMakeLists.txt finds {name}, and the recipe depends on nothing that has it"
    cmake = "".join(path.read_text() for path in [root / "CMakeLists.txt", *(root / "scripts/cmake").glob("*.cmake")])
    for name, _ in package.cmake_args():
        if name not in cmake:
            yield f"{RECIPE}: CMakeLists.txt has no {name}"
    package.test_self_test()
    if said["ran"] != [("dnmf", "--self-test")]:
        yield f"{RECIPE}: the test of the installation runs {said['ran']}"


def debian_findings(root):
    setup = (root / "scripts/setup.sh").read_text()
    packages = set()
    for name in ("build_packages", "openmpi_packages"):
        packages |= set(re.search(rf"^{name}=\(([^)]*)\)", setup, re.MULTILINE)[1].split())
    control = (root / "scripts/packaging/debian/control.in").read_text()
    dev = re.search(r"^Package: libdnmf-dev\n(?:.+\n)*?Depends: ((?:.+\n)(?: .+\n)*)", control, re.MULTILINE)[1]
    depends = {word.split()[0] for word in dev.replace("\n", " ").split(",") if "$" not in word and "@" not in word}
    for name in sorted(packages - HEADERS_AND_TOOLS ^ depends):
        yield f"scripts/packaging/debian/control.in: libdnmf-dev and scripts/setup.sh differ in {name}"


def findings(root):
    yield from spack_findings(root)
    yield from debian_findings(root)


if __name__ == "__main__":
    report(list(findings(root_from_arguments())))
