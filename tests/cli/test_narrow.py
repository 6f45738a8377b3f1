"""Matrices of small types are kept as stored, sparse values and ratings in the narrowest type that holds them: with the
same factors, bit for bit, as the same numbers in float64, on any number of processes and grids, and with less memory."""
import h5py
import numpy as np
import pytest
import scipy.sparse

from fits import factors, write_hdf5
from program import GRIDS, PROCESSES, grid_name, run

RNG = np.random.default_rng(12)
BYTES = RNG.integers(0, 256, (61, 43))
BYTES[7] = 0
RATINGS = np.where(RNG.random((61, 43)) < 0.3, RNG.integers(1, 6, (61, 43)), 0)


def fit(source, output, *options, processes=1):
    report = run(["fit", source, "-o", output, "-k", 4, "--max-iter", 3, "--tol", 0, "--json", *options],
                 processes=processes).json
    return *factors(output), report


def check_pair(folder, narrow, wide, values, *options, processes=1):
    """The two files' fits are the same, but for the type that the first's values are kept in."""
    *found, report = fit(narrow, folder / "n.h5", *options, processes=processes)
    *expected, plain = fit(wide, folder / "w.h5", *options, processes=processes)
    for a, b in zip(found, expected):
        np.testing.assert_array_equal(a, b)
    assert (report["values"], plain["values"]) == values
    for name in ("objective", "relative_error", "rmse", "exact_residual", "iterations"):
        assert report[name] == plain[name]
    with h5py.File(folder / "n.h5") as one, h5py.File(folder / "w.h5") as other:
        assert one.attrs["checksum"] == other.attrs["checksum"]
        assert one.attrs["mean"] == other.attrs["mean"]


@pytest.fixture(scope="module")
def dense(folder):
    """Files of the same numbers, by dtype."""
    files = {}
    for dtype, table in [("u1", BYTES), ("i1", BYTES // 2), ("u2", BYTES * 257), ("i2", BYTES * 128),
                         ("?", BYTES > 99), ("f4", BYTES / 7)]:
        files[dtype] = (folder / f"{dtype}.h5", folder / f"{dtype}-wide.h5")
        write_hdf5(files[dtype][0], np.asarray(table, dtype))
        write_hdf5(files[dtype][1], np.asarray(table, dtype).astype(float))
    return files


NAMES = {"u1": "uint8", "i1": "int8", "u2": "uint16", "i2": "int16", "?": "uint8", "f4": "float32"}


@pytest.mark.parametrize("dtype", NAMES)
def test_small_types_are_kept_as_stored(tmp_path, dense, dtype):
    name = "int8" if dtype == "?" else NAMES[dtype]  # h5py's booleans are an enumeration of int8
    check_pair(tmp_path, *dense[dtype], (name, "float64"), "--exact-residual")


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4"])
@pytest.mark.parametrize("processes", [1, 3])
def test_compressed_archives_keep_their_type(tmp_path, dense, dtype, processes):
    with h5py.File(dense[dtype][0]) as file:
        table = file[next(iter(file))][...]
    np.savez_compressed(tmp_path / "a.npz", table)
    check_pair(tmp_path, tmp_path / "a.npz", dense[dtype][1], (NAMES[dtype], "float64"), processes=processes)


@pytest.mark.parametrize("grid", GRIDS)
def test_the_same_factors_on_every_grid(tmp_path, dense, grid):
    check_pair(tmp_path, *dense["u1"], ("uint8", "float64"), "--exact-residual", "--grid", grid_name(grid),
               processes=grid[0] * grid[1])


@pytest.mark.parametrize("options", [("--solver", "mu"), ("--solver", "bpp"), ("--init", "nndsvda"),
                                     ("--solver", "mu", "--loss", "kullback-leibler"),
                                     ("--solver", "mu", "--loss", "1.5")])
def test_the_same_factors_by_every_solver_loss_and_start(tmp_path, dense, options):
    check_pair(tmp_path, *dense["u2"], ("uint16", "float64"), *options, processes=2)


@pytest.mark.parametrize("dtype, name", [("u1", "uint8"), ("f4", "float32")])
def test_single_precision_keeps_what_is_narrower_than_float(tmp_path, dense, dtype, name):
    check_pair(tmp_path, *dense[dtype], (name, "float32"), "--precision", "single")


def test_portable_kernels_agree_as_well(tmp_path, dense, monkeypatch):
    monkeypatch.setenv("DNMF_ISA", "portable")
    check_pair(tmp_path, *dense["u1"], ("uint8", "float64"))


@pytest.mark.parametrize("processes", PROCESSES)
def test_batches_are_read_as_stored(tmp_path, dense, processes):
    check_pair(tmp_path, *dense["u1"], ("uint8", "float64"), "--batch-rows", 20, processes=processes)


@pytest.mark.parametrize("options", [("--transpose",), ("--rows", "3:50", "--cols", "1:40")])
def test_turned_and_selected_arrays(tmp_path, dense, options):
    check_pair(tmp_path, *dense["u2"], ("uint16", "float64"), *options, processes=3)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype, name", [("u1", "uint8"), (">u2", "uint16"), ("?", "uint8"), ("f2", "float32")])
def test_numpy_arrays(tmp_path, dtype, name, order):
    table = np.array(BYTES % 100, dtype, order=order)
    np.save(tmp_path / "a.npy", table)
    np.save(tmp_path / "w.npy", table.astype(float))
    check_pair(tmp_path, tmp_path / "a.npy", tmp_path / "w.npy", (name, "float64"), processes=2)


def test_counted_selections_are_the_same(tmp_path, dense):
    """They walk the entries, which then come to their places."""
    check_pair(tmp_path, *dense["?"], ("int8", "float64"), "--min-row-count", 25)


@pytest.mark.parametrize("dtype, at, value", [("i1", (5, 7), -3), ("i2", (60, 42), -32768)])
@pytest.mark.parametrize("processes", [1, 4])
def test_negative_values_are_refused_as_ever(tmp_path, dtype, at, value, processes):
    table = (BYTES // 2).astype(dtype)
    table[at] = value
    write_hdf5(tmp_path / "a.h5", table)
    result = run(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 2], processes=processes, expect=1)
    assert f"the value at row {at[0]}, column {at[1]} (counted from 0) is {value}" in result.messages[0]
    assert "nonnegative" in result.messages[0]


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4"])
def test_they_are_imported_and_exported_as_ever(tmp_path, dense, dtype):
    for way, source in zip("nw", dense[dtype]):
        run(["import", source, "-o", tmp_path / f"{way}.h5"], processes=2)
        run(["export", source, "-o", tmp_path / f"{way}.csv"], processes=2)
        run(["export", source, "-o", tmp_path / f"{way}.npy"], processes=2)
    with h5py.File(tmp_path / "n.h5") as one, h5py.File(tmp_path / "w.h5") as other:
        assert one["matrix"].dtype == other["matrix"].dtype
        np.testing.assert_array_equal(one["matrix"][:], other["matrix"][:])
    for kind in ("csv", "npy"):
        assert (tmp_path / f"n.{kind}").read_bytes() == (tmp_path / f"w.{kind}").read_bytes()


# --- Sparse values and ratings, whatever the type in the file: fits of values that bytes hold beside fits of a power of
# two times them, which only floats hold and whose factors are the root of that times the factors, bit for bit.

def check_scaled(folder, table, name, missing, processes, *options):
    scale = 2.0**-30
    found = {}
    for kind, factor in [(name, 1), ("float32", scale)]:
        write_hdf5(folder / "a.h5", scipy.sparse.csr_matrix(table * factor))
        *found[kind], report = fit(folder / "a.h5", folder / "m.h5", "--missing", missing, *options, processes=processes)
        assert report["values"] == kind
    for a, b in zip(found[name], found["float32"]):
        np.testing.assert_array_equal(a * np.sqrt(scale), b)


@pytest.mark.parametrize("table, name", [(RATINGS, "uint8"), (RATINGS / 2, "halves in uint8"), (RATINGS * 99, "uint16")])
@pytest.mark.parametrize("processes", PROCESSES)
def test_sparse_values_are_narrowed(tmp_path, table, name, processes):
    check_scaled(tmp_path, table.astype(float), name, "zero", processes)


@pytest.mark.parametrize("processes", PROCESSES)
def test_ratings_are_narrowed(tmp_path, processes):
    check_scaled(tmp_path, RATINGS / 2, "halves in uint8", "unobserved", processes, "--bias", "none", "--l2", 0)


@pytest.mark.parametrize("values, name", [((2.9999999999999996, 1, 5, 2, 4), "uint8"), ((4.49999999, 1.5, 3, 2, 5), "halves in uint8")])
def test_values_are_rounded_to_single_precision_before_they_are_narrowed(tmp_path, values, name):
    (tmp_path / "a.csv").write_text("".join(f"u{i},m{i % 2},{value!r}\n" for i, value in enumerate(values)))
    rounded = np.float32(values)
    (tmp_path / "b.csv").write_text("".join(f"u{i},m{i % 2},{value}\n" for i, value in enumerate(rounded)))
    for processes in (1, 2):
        *found, report = fit(tmp_path / "a.csv", tmp_path / "a.h5", "--precision", "single", processes=processes)
        *expected, _ = fit(tmp_path / "b.csv", tmp_path / "b.h5", "--precision", "single", processes=processes)
        assert report["values"] == name
        for a, b in zip(found, expected):
            np.testing.assert_array_equal(a, b)


def test_the_log_says_it(tmp_path, dense):
    text = run(["fit", dense["u1"][0], "-o", tmp_path / "m.h5", "-k", 2, "--max-iter", 1, "-v"]).stdout
    assert "values kept as uint8" in text
    text = run(["fit", dense["u1"][1], "-o", tmp_path / "m.h5", "-k", 2, "--max-iter", 1, "-v"]).stdout
    assert "values kept" not in text


# --- Memory.

@pytest.fixture(scope="module")
def image(folder):
    """64 MB of bytes."""
    path = folder / "image.h5"
    row = RNG.integers(0, 256, 8000, "u1")
    with h5py.File(path, "w") as file:
        data = file.create_dataset("matrix", (8000, 8000), "u1")
        for begin in range(0, 8000, 1000):
            data[begin:begin + 1000] = row[None, :] // (1 + np.arange(1000)[:, None] % 7).astype("u1")
    return path


def test_an_image_takes_a_byte_a_pixel(tmp_path, image):
    options = [image, "-k", 4]
    report = run(["fit", *options, "-o", tmp_path / "m.h5", "--max-iter", 2, "--json"]).json
    memory = run(["plan", *options, "--json"]).json["plans"][0]["memory"]
    assert memory["block"] == 8000 * 8000
    assert report["peak_memory"] - memory["program"] < 1.15 * memory["block"]


def test_a_sparse_entry_takes_five_bytes_twice(tmp_path):
    """As planned for a file that says its values are bytes."""
    matrix = scipy.sparse.random(3000, 2000, 0.2, "csr", random_state=1, data_rvs=lambda n: RNG.integers(1, 6, n))
    write_hdf5(tmp_path / "a.h5", matrix.astype("u1"))
    memory = run(["plan", tmp_path / "a.h5", "-k", 4, "--json"]).json["plans"][0]["memory"]
    assert memory["block"] == pytest.approx(2 * 5 * matrix.nnz + 8 * 5002, abs=256)
