"""dnmf for Spack 0.23 and later, built from a clone of its repository. From the top of the clone:

    spack repo add scripts/packaging/spack
    spack dev-build dnmf@0.1.0
    spack load dnmf && dnmf --self-test
"""
from spack.package import *

try:  # Spack 1.0 has its build systems among the packages
    from spack_repo.builtin.build_systems.cmake import CMakePackage, generator
except ImportError:
    pass


class Dnmf(CMakePackage):
    """Distributed nonnegative matrix factorization: a program and a C library on MPI, OpenMP, parallel HDF5 and
    ScaLAPACK, for matrices and for tables of ratings with most cells unknown."""

    license("BSD-3-Clause")

    version("0.1.0")

    generator("ninja")

    depends_on("c", type="build")
    depends_on("cmake@3.20:", type="build")
    depends_on("pkgconfig", type="build")

    depends_on("mpi@3:")
    depends_on("hdf5@1.10:+mpi")
    depends_on("scalapack")
    depends_on("lapack")
    depends_on("blas")  # with CBLAS
    depends_on("jansson")
    depends_on("libzip")
    depends_on("zlib-api")
    depends_on("zstd")
    depends_on("xz")
    depends_on("random123", type="build")
    depends_on("xxhash", type="build")
    depends_on("cmocka", type="test")

    # Threads of another kind would compete with the program's own for the cores.
    depends_on("openblas threads=openmp", when="^[virtuals=blas] openblas")

    def cmake_args(self):
        return [
            self.define("BUILD_TESTING", self.run_tests),
            self.define("HDF5_ROOT", self.spec["hdf5"].prefix),
        ]

    def test_self_test(self):
        """a fit with a known answer, a file written and read"""
        program = which(self.prefix.bin.dnmf)
        program("--self-test")
