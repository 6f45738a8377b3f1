"""Dense arrays however their numbers lie in a file, beside h5py's and numpy's reading, and what is wrong with them."""
import h5py
import numpy as np
import pytest

from matrices import check_import, check_refusal
from program import PROCESSES, run

SHAPES = [(1, 1), (2, 9000), (4000, 1), (37, 53)]


def numbers(shape, dtype):
    """Numbers that need all digits, and zeros; whole ones where the type has no others."""
    rng = np.random.default_rng(shape[0])
    table = rng.random(shape) if np.dtype(dtype).kind == "f" else rng.integers(0, 100, shape)
    return (table * (rng.random(shape) < .8)).astype(dtype)


def contiguous(file, table):
    file["matrix"] = table


def chunked(file, table):
    file.create_dataset("matrix", data=table, chunks=tuple(max(1, size // 3) for size in table.shape))


def packed(file, table):
    file.create_dataset("matrix", data=table, chunks=True, compression="gzip")


def unwritten(file, table):
    """A dataset without a place in the file is all zeros."""
    file.create_dataset("matrix", shape=table.shape, dtype=table.dtype)
    table[:] = 0


@pytest.mark.parametrize("write", [contiguous, chunked, packed, unwritten])
@pytest.mark.parametrize("dtype", ["f8", ">f8", "u1"])
def test_datasets(tmp_path, write, dtype):
    for number, shape in enumerate(SHAPES):
        table = numbers(shape, dtype)
        with h5py.File(tmp_path / "a.h5", "w", userblock_size=512 * (number % 2)) as file:
            file["before"] = np.arange(number)
            write(file, table)
        check_import(tmp_path, f"{tmp_path / 'a.h5'}:/matrix", table, PROCESSES[number % len(PROCESSES)])


@pytest.mark.parametrize("dtype", ["f8", "f4", ">f8", "?"])
def test_arrays(tmp_path, dtype):
    for number, shape in enumerate(SHAPES):
        table = numbers(shape, dtype)
        np.save(tmp_path / "a.npy", table)
        check_import(tmp_path, tmp_path / "a.npy", table, PROCESSES[number % len(PROCESSES)])


@pytest.mark.parametrize("grid", ["1x1", "1x2", "3x1", "2x2", "2x3"])
@pytest.mark.parametrize("dtype, precision", [("f8", "double"), ("f8", "single"), ("u1", "double")])
def test_blocks_of_every_grid(tmp_path, grid, dtype, precision):
    """The sums and the checksum that a fit sees are those of the same numbers from text."""
    table = numbers((41, 97), dtype)
    table[:, 0] = 1
    np.save(tmp_path / "a.npy", table)
    np.savetxt(tmp_path / "a.csv", table.astype("f8"), delimiter=",", fmt="%.17g")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["matrix"] = table
    processes = int(grid[0]) * int(grid[2])
    seen = []
    for name, *options in (("a.npy",), ("a.h5",), ("a.csv", "--format", "table")):
        model = tmp_path / f"{name}-model.h5"
        run(["fit", tmp_path / name, "-o", model, "-k", 3, "--max-iter", 3, "--grid", grid, "--threads", 2, "--precision",
             precision, *options],
            processes=processes)
        checksum = run(["info", model, "--json"]).json["provenance"]["checksum"]
        with h5py.File(model) as file:
            seen.append((file["W"][:], file["H"][:], checksum))
    for w, h, checksum in seen[1:]:
        np.testing.assert_array_equal(w, seen[0][0])
        np.testing.assert_array_equal(h, seen[0][1])
        assert checksum == seen[0][2]


@pytest.mark.parametrize("row, col, value, why", [(0, 0, np.nan, "a finite number"), (36, 52, -1e-300, "nonnegative"),
                                                  (35, 51, -np.inf, "a finite number")])
@pytest.mark.parametrize("processes", [1, 2, 3, 6])
def test_invalid_numbers(tmp_path, row, col, value, why, processes):
    table = numbers((37, 53), "f8")
    table[row, col] = value
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["matrix"] = table
    check_refusal(tmp_path, tmp_path / "a.h5", f"row {row}, column {col} (counted from 0)", why, "a.h5",
                  processes=processes)


@pytest.mark.parametrize("processes", [1, 3])
def test_a_number_beyond_single_precision(tmp_path, processes):
    table = np.ones((37, 53))
    table[20, 30] = 1e300
    np.save(tmp_path / "a.npy", table)
    result = run(["fit", tmp_path / "a.npy", "-o", tmp_path / "m.h5", "-k", 2, "--precision", "single"],
                 processes=processes, expect=1)
    assert len(result.messages) == 1 and "row 20, column 30 (counted from 0)" in result.messages[0], result
    assert "in single precision" in result.messages[0], result


@pytest.mark.parametrize("processes", [1, 3])
def test_the_first_of_several_invalid_numbers_is_named(tmp_path, processes):
    table = np.ones((37, 53))
    table[5, 40] = table[5, 41] = table[6, 0] = -1
    np.save(tmp_path / "a.npy", table)
    check_refusal(tmp_path, tmp_path / "a.npy", "row 5, column 40 (counted from 0)", processes=processes)


@pytest.mark.parametrize("processes", [1, 2, 6])
def test_a_dataset_beyond_the_end_of_its_file(tmp_path, processes):
    """The file's end is where its header says; the dataset's place lies behind it."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["matrix"] = np.ones((300, 40))
        place = file["matrix"].id.get_offset()
    data = bytearray(path.read_bytes())
    at = data.index(place.to_bytes(8, "little"))
    data[at:at + 8] = (place + 8 * 10000).to_bytes(8, "little")
    path.write_bytes(data)
    check_refusal(tmp_path, path, "a.h5", processes=processes)
