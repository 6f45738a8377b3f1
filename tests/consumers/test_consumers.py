"""Programs that embed the library: built against an installed tree, by CMake and by pkg-config, and compared with what
`dnmf` makes of the same data. The shared library shows the symbols of the header and no others."""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess

import h5py
import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("DNMF_BUILD", ROOT / "build"))
MPIRUN = shlex.split(os.environ.get("DNMF_MPIRUN", "mpirun --oversubscribe --bind-to none"))
ENVIRONMENT = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                            "OMP_NUM_THREADS": "1", "OMPI_MCA_mpi_yield_when_idle": "1"}
PROCESSES = [1, 3]


def run(*command, **environment):
    done = subprocess.run([str(word) for word in command], env=ENVIRONMENT | environment, capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    assert done.stderr == ""
    return done.stdout


def on_processes(count, *command):
    return run(*MPIRUN, "-n", count, *command)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The prefix of a tree that cmake --install wrote."""
    prefix = tmp_path_factory.mktemp("installed")
    run("cmake", "--install", BUILD, "--prefix", prefix)
    return prefix


@pytest.fixture(scope="module")
def consumers(installed, tmp_path_factory):
    """The folder of the programs as CMake builds them."""
    folder = tmp_path_factory.mktemp("consumers")
    subprocess.run(["cmake", "-S", HERE, "-B", folder, f"-DCMAKE_PREFIX_PATH={installed}"], check=True,
                   stdout=subprocess.DEVNULL)
    run("cmake", "--build", folder)
    return folder


@pytest.fixture(scope="module")
def dnmf(installed):
    """Runs the installed program and returns its JSON object."""
    return lambda *arguments: json.loads(run(installed / "bin/dnmf", *arguments, "--json", "--quiet"))


def cells(rows, cols):
    i, j = np.indices((rows, cols))
    return (i * 7 % 13 + i * j % 11 + j % 3).astype(float)


@pytest.fixture(scope="module")
def dense_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "dense.npy"
    np.save(path, cells(60, 40))
    return path


def header_names():
    return set(re.findall(r"^DNMF_API[^;(]*?(\w+)\(", (ROOT / "include/dnmf.h").read_text(), re.MULTILINE))


@pytest.mark.skipif(not shutil.which("man"), reason="man is not installed")
def test_man_finds_the_pages(installed):
    for words, title in ((["dnmf"], "dnmf - distributed"), (["dnmf-fit"], "dnmf-fit - "), (["5", "dnmf-files"], "dnmf-files - ")):
        assert title in run("man", *words, MANPATH=str(installed / "share/man"), MANPAGER="cat", MANWIDTH="80")


def test_completion_is_installed(installed):
    for name in ("bash-completion/completions/dnmf", "zsh/site-functions/_dnmf", "fish/vendor_completions.d/dnmf.fish"):
        assert "made from its tables of options" in (installed / "share" / name).read_text()


def test_installs_one_header_and_both_libraries(installed):
    assert [path.name for path in (installed / "include").rglob("*")] == ["dnmf.h"]
    names = {path.name for path in installed.glob("lib*/**/libdnmf*")}
    assert {"libdnmf.a", "libdnmf.so"} < names


def test_the_shared_library_shows_the_functions_of_the_header_alone(installed):
    library = next(installed.glob("lib*/**/libdnmf.so"))
    lines = run("nm", "-D", "--defined-only", library).splitlines()
    assert {line.split()[-1] for line in lines} == header_names()
    assert len(lines) > 30


def test_the_soname_has_the_version_that_may_break_programs(installed):
    library = next(installed.glob("lib*/**/libdnmf.so"))
    header = (ROOT / "include/dnmf.h").read_text()
    major, minor = (re.search(rf"DNMF_VERSION_{part} (\d+)", header).group(1) for part in ("MAJOR", "MINOR"))
    soname = re.search(r"SONAME.*\[(.*)\]", run("readelf", "-d", library)).group(1)
    assert soname == (f"libdnmf.so.{major}.{minor}" if major == "0" else f"libdnmf.so.{major}")


def test_no_flags_or_other_libraries_reach_programs(installed):
    targets = "".join(path.read_text() for path in installed.glob("lib*/**/cmake/dnmf/*.cmake"))
    for word in ("-W", "-O", "-fopenmp", "hdf5", "scalapack", "jansson", "Random123"):
        assert word not in targets
    flags = run("pkg-config", "--cflags", "--libs", "dnmf",
                PKG_CONFIG_PATH=str(next(installed.glob("lib*/**/pkgconfig"))))
    assert "hdf5" not in flags and "-fopenmp" not in flags


@pytest.mark.parametrize("compiler, standard, file", [("cc", "-std=c99", "header.c"), ("c++", "-std=c++11", "header.cpp")])
def test_the_header_compiles_alone_and_without_warnings(installed, tmp_path, compiler, standard, file):
    (tmp_path / file).write_text('#include <dnmf.h>\n')
    flags = shlex.split(run("pkg-config", "--cflags", "dnmf",
                            PKG_CONFIG_PATH=str(next(installed.glob("lib*/**/pkgconfig")))))
    mpi = [flag.replace("-I", "-isystem", 1) for flag in flags if "mpi" in flag]
    own = [flag for flag in flags if "mpi" not in flag]
    run(compiler, standard, "-Wall", "-Wextra", "-Wshadow", "-pedantic", "-Werror", *own, *mpi, "-c", tmp_path / file,
        "-o", tmp_path / "header.o")


def test_pkg_config_builds_programs_with_either_library(installed, tmp_path):
    path = {"PKG_CONFIG_PATH": str(next(installed.glob("lib*/**/pkgconfig")))}
    folder = next(installed.glob("lib*/**/libdnmf.so")).parent
    shared = shlex.split(run("pkg-config", "--cflags", "--libs", "dnmf", **path))
    run("cc", HERE / "dense.c", *shared, f"-Wl,-rpath,{folder}", "-lm", "-o", tmp_path / "shared")
    static = shlex.split(run("pkg-config", "--static", "--cflags", "--libs", "dnmf", **path))
    static = [str(folder / "libdnmf.a") if flag == "-ldnmf" else flag for flag in static]
    run("cc", HERE / "dense.c", *static, "-lm", "-o", tmp_path / "static")
    assert sorted(on_processes(2, tmp_path / "shared")) == sorted(on_processes(2, tmp_path / "static"))
    assert "libdnmf" not in run("ldd", tmp_path / "static")


def test_the_short_program_writes_a_model(consumers, dnmf, tmp_path):
    """The one that src/doc/embedding.md shows."""
    values = np.concatenate([(np.arange(100 * 80) + rank).reshape(100, 80) % 7 for rank in range(2)]).astype(float)
    np.save(tmp_path / "dense.npy", values)
    expected = dnmf("fit", tmp_path / "dense.npy", "-o", tmp_path / "expected.h5", "-k", 5)
    printed = on_processes(2, "--wdir", tmp_path, consumers / "short")
    assert printed == (f"relative error {expected['relative_error']:.6f} after {expected['iterations']} iterations\n")
    with h5py.File(tmp_path / "model.h5") as model, h5py.File(tmp_path / "expected.h5") as wanted:
        np.testing.assert_allclose(model["W"][:], wanted["W"][:], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("processes", PROCESSES)
def test_a_dense_block_on_half_of_the_processes(consumers, dnmf, dense_file, tmp_path, processes):
    expected = dnmf("fit", dense_file, "-o", tmp_path / "model.h5", "-k", 4)
    lines = on_processes(processes, consumers / "dense").splitlines()
    assert len(lines) == min(processes, 2)
    for line in lines:
        iterations, objective, error, measured = map(float, re.search(
            r": (\d+) iterations, objective (\S+), relative error (\S+), from the factors (\S+)", line).groups())
        assert iterations == expected["iterations"]
        assert objective == pytest.approx(expected["objective"], rel=1e-9)
        assert error == pytest.approx(expected["relative_error"], rel=1e-9)
        assert measured == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize("processes", PROCESSES)
def test_sparse_rows(consumers, dnmf, tmp_path, processes):
    rows, cols = 200, 90
    lines = [f"{i + 1} {(i * 5 + e * 17) % cols + 1} {1 + (i + e) % 7}" for i in range(rows) for e in range(6)]
    (tmp_path / "sparse.mtx").write_text(f"%%MatrixMarket matrix coordinate real general\n{rows} {cols} {len(lines)}\n"
                                         + "\n".join(lines) + "\n")
    dnmf("fit", tmp_path / "sparse.mtx", "-o", tmp_path / "expected.h5", "-k", 8, "--solver", "bpp", "--max-iter", 30,
         "--tol", 0)
    printed = on_processes(processes, consumers / "sparse", tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as model, h5py.File(tmp_path / "expected.h5") as expected:
        for name in ("W", "H"):
            np.testing.assert_allclose(model[name][:], expected[name][:], rtol=1e-6, atol=1e-9)
        history = expected["history/objective"][:]
        for name in set(expected.attrs) - {"date", "input", "processes", "grid", "objective", "relative_error", "mean",
                                           "command_line", "options", "libraries", "threads"}:
            assert name.endswith("_seconds") or model.attrs[name] == expected.attrs[name], name
    told = dict(re.findall(r"iteration (\d+): objective (\S+)", printed))
    assert list(told) == ["0", "10", "20", "30"]
    for iteration, objective in told.items():
        assert float(objective) == pytest.approx(history[int(iteration)], rel=1e-9)


@pytest.mark.parametrize("processes", PROCESSES)
def test_ratings_are_fitted_predicted_and_recommended(consumers, installed, dnmf, tmp_path, processes):
    triples = [(user, (user * 3 + r * 7) % 30) for user in range(40) for r in range(8)]
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("user,item,rating\n" + "".join(
        f"user{u},item{i},{1 + (u * i + u + i * i) % 9 * 0.5}\n" for u, i in triples))
    model = tmp_path / "model.h5"
    dnmf("fit", ratings, "-o", model, "-k", 3, "--max-iter", 20)
    printed = on_processes(processes, consumers / "ratings")
    predictions = re.findall(r"predict (\S+) (\S+) (\S+)", printed)
    assert [(user, item) for user, item, _ in predictions] == [("user5", "item2"), ("user11", "item29")]
    for user, item, score in predictions:
        assert float(score) == pytest.approx(dnmf("predict", model, "--row", user, "--col", item)["score"], rel=1e-9)
    lists = re.findall(r"recommend (\S+) (\S+) (\S+)", printed)
    run(installed / "bin/dnmf", "recommend", model, "--seen", ratings, "--rows", "user5,user11", "-n", 3, "-o",
        tmp_path / "lists.csv", "--quiet")
    expected = {(row, col): float(score) for row, _, col, score in
                (line.split(",") for line in (tmp_path / "lists.csv").read_text().splitlines()[1:])}
    assert len(lists) == 6 and {(user, item) for user, item, _ in lists} == set(expected)
    for user, item, score in lists:
        assert float(score) == pytest.approx(expected[user, item], rel=1e-6)


@pytest.mark.parametrize("processes", PROCESSES)
def test_a_cxx_program_with_columns_on_one_process(consumers, dnmf, tmp_path, processes):
    np.save(tmp_path / "dense.npy", cells(30, 20))
    expected = dnmf("fit", tmp_path / "dense.npy", "-o", tmp_path / "model.h5", "-k", 3, "--seed", 5)
    version, objective = re.search(r"dnmf (\S+): objective (\S+)", on_processes(processes, consumers / "embed")).groups()
    assert version == expected["version"]
    assert float(objective) == pytest.approx(expected["objective"], rel=1e-9)
