"""Files beyond 2^31 entries, of which a part is read: holes on the disk, so that they take next to no room."""
import h5py
import numpy as np
import pytest

from program import run

ROWS, COLS = 50_000, 43_000  # 2.15e9 entries of one byte
STORED = 2**31 + 5_000       # of the sparse matrix


@pytest.fixture(scope="module")
def large(folder):
    """Row 49_941 of the dense matrix holds entry 2^31; 20 rows of the sparse one lie around stored entry 2^31."""
    random = np.random.default_rng(0)
    part = random.integers(0, 250, (40, COLS), dtype="u1")
    with h5py.File(folder / "large.h5", "w") as file:
        dense = file.create_dataset("dense", (ROWS, COLS), "u1")
        dense[49_920:49_960] = part
        sparse = file.create_group("sparse")
        sparse.attrs.update({"encoding-type": "csr_matrix", "shape": (1000, 90_000)})
        starts = np.linspace(0, 2**31 - 10_000, 981).astype(int).tolist()
        starts += [2**31 - 10_000 + 750 * i for i in range(1, 21)]
        sparse["indptr"] = starts
        data, indices = (sparse.create_dataset(name, (STORED,), "u1" if name == "data" else "u4")
                         for name in ("data", "indices"))
        data[starts[980]:] = 1 + np.arange(STORED - starts[980]) % 200
        indices[starts[980]:] = np.concatenate([np.sort(random.choice(90_000, 750, False)) for _ in range(20)])
    if (folder / "large.h5").stat().st_blocks * 512 > 2**28:
        pytest.skip("this file system keeps no holes")
    return folder / "large.h5"


@pytest.mark.parametrize("processes", [1, 3])
def test_rows_beyond_two_to_the_31_dense_entries(large, folder, processes):
    run(["import", f"{large}:/dense", "-o", folder / "rows.h5", "--rows", "49919:49961"], processes)
    with h5py.File(large) as file, h5py.File(folder / "rows.h5") as rows:
        np.testing.assert_array_equal(rows["matrix"][:], file["dense"][49_919:49_961])
        assert rows["row_ids"][:].tolist() == list(range(49_919, 49_961))


@pytest.mark.parametrize("processes", [1, 3])
def test_rows_beyond_two_to_the_31_stored_entries(large, folder, processes):
    run(["import", f"{large}:/sparse", "-o", folder / "rows.h5", "--rows", "980:"], processes)
    with h5py.File(large) as file, h5py.File(folder / "rows.h5") as rows:
        group, first = file["sparse"], 2**31 - 10_000
        for name in ("data", "indices"):
            np.testing.assert_array_equal(rows["matrix"][name][:], group[name][first:])
        np.testing.assert_array_equal(rows["matrix/indptr"][:], group["indptr"][980:] - first)


def test_info_counts_beyond_two_to_the_31(large):
    assert run(["info", f"{large}:/dense", "--json"]).json["stored"] == ROWS * COLS
    assert run(["info", f"{large}:/sparse", "--json"]).json["stored"] == STORED
