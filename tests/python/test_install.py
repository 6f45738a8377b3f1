"""pip and CMake install the package, and it finds the library."""

import os
import subprocess
import sys
import venv

import pytest
from conftest import BUILD, PACKAGE, run

FIT = "import dnmf, numpy; print(dnmf.NMF(2, max_iter=3, tol=0).fit(numpy.eye(4) + 1).n_iter_, dnmf.__file__)"


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """A tree that cmake --install wrote, with the Python package."""
    folder = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", BUILD, "--prefix", folder)
    run("cmake", "--install", BUILD, "--prefix", folder, "--component", "python")
    return folder


def test_pip_installs_without_network(tmp_path, prefix):
    pytest.importorskip("setuptools", reason="Debian's python3-setuptools builds the package")
    pytest.importorskip("wheel", reason="and python3-wheel packs it")
    venv.create(tmp_path / "env", system_site_packages=True, with_pip=False)
    python = tmp_path / "env/bin/python"
    source = tmp_path / "source"
    run("cp", "-r", PACKAGE, source)  # what setuptools leaves there is not left in the tree
    run(
        python,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--quiet",
        source,
        PYTHONPATH="",
        PIP_DISABLE_PIP_VERSION_CHECK="1",
    )
    library = next(prefix.rglob("libdnmf.so.*.*.*"))
    iterations, file = run(
        python, "-c", FIT, DNMF_LIBRARY="", PYTHONPATH="", LD_LIBRARY_PATH=str(library.parent)
    ).split()
    assert iterations == "3" and file.startswith(str(tmp_path / "env"))


def test_the_installed_tree_is_found_beside_the_package(prefix):
    site = next(prefix.rglob("dnmf/__init__.py")).parents[1]
    iterations, file = run(sys.executable, "-c", FIT, DNMF_LIBRARY="", PYTHONPATH=str(site)).split()
    assert iterations == "3" and file.startswith(str(site))


def test_a_library_that_is_not_there_is_told():
    told = subprocess.run(
        [sys.executable, "-c", "from dnmf import library_version; library_version()"],
        capture_output=True,
        text=True,
        env=os.environ | {"DNMF_LIBRARY": "/nowhere/libdnmf.so", "PYTHONPATH": str(PACKAGE)},
    )
    assert "ImportError" in told.stderr and "/nowhere/libdnmf.so" in told.stderr and "DNMF_LIBRARY" in told.stderr
