"""Numbers that attributes scale, shift or take away, as netCDF has them, beside numpy."""
import h5py
import numpy as np
import pytest

import matrices
from program import run

PROCESSES = [1, 3]
PACKED = np.arange(42, dtype="i2").reshape(7, 6)


def write(path, numbers, attributes=(), **options):
    """A variable beside its dimension, as the netCDF library lays it out."""
    with h5py.File(path, "w") as file:
        variable = file.create_dataset("p", data=numbers, **options)
        variable.attrs["_Netcdf4Coordinates"] = np.array([0, 1], "i4")
        for name, value in dict(attributes).items():
            variable.attrs[name] = value


def imported(tmp_path, source, *options, processes=1):
    run(["import", source, "-o", tmp_path / "out.h5", *options], processes=processes)
    return matrices.read_matrix(tmp_path / "out.h5")


@pytest.mark.parametrize("processes", PROCESSES)
def test_scale_and_offset(tmp_path, processes):
    write(tmp_path / "a.nc", PACKED, {"scale_factor": np.array([0.01]), "add_offset": 1.5})
    expected = PACKED * 0.01 + 1.5
    np.testing.assert_array_equal(imported(tmp_path, tmp_path / "a.nc", processes=processes)[0], expected)
    np.testing.assert_array_equal(
        imported(tmp_path, tmp_path / "a.nc", "--transpose", "--rows", "1:4", processes=processes)[0],
        expected.T[1:4])
    run(["fit", tmp_path / "a.nc", "-k", 2, "--batch-rows", 2, "--max-iter", 3, "-o", tmp_path / "m.h5"],
        processes=processes)
    np.save(tmp_path / "a.npy", expected)
    run(["import", tmp_path / "a.npy", "-o", tmp_path / "a.h5"])
    run(["fit", tmp_path / "a.h5", "-k", 2, "--batch-rows", 2, "--max-iter", 3, "-o", tmp_path / "n.h5"],
        processes=processes)
    with h5py.File(tmp_path / "m.h5") as packed, h5py.File(tmp_path / "n.h5") as plain:
        np.testing.assert_array_equal(packed["W"][:], plain["W"][:])


MISSING = {
    "fill value": ({"_FillValue": np.array([7], "i2")}, {}, [7]),
    "missing values": ({"missing_value": np.array([3, 9], "i2")}, {}, [3, 9]),
    "both": ({"_FillValue": np.array([7], "i2"), "missing_value": np.array([3, 9], "i2"), "scale_factor": 2.0}, {},
             [3, 7, 9]),
    "range": ({"valid_range": np.array([2, 30], "i2")}, {}, [0, 1, *range(31, 42)]),
    "bounds": ({"valid_min": np.int16(4), "valid_max": np.int16(40)}, {}, [0, 1, 2, 3, 41]),
    "the library's own": ({}, {"fillvalue": 8}, [8]),
}


@pytest.mark.parametrize("processes", PROCESSES)
@pytest.mark.parametrize("name", MISSING)
def test_cells_without_a_value(tmp_path, name, processes):
    attributes, options, missing = MISSING[name]
    write(tmp_path / "a.nc", PACKED, attributes, **options)
    values, sparse, _, _ = imported(tmp_path, tmp_path / "a.nc", "--missing", "unobserved", processes=processes)
    observed = ~np.isin(PACKED, missing)
    np.testing.assert_array_equal(values, np.where(observed, PACKED * attributes.get("scale_factor", 1.0), 0))
    with h5py.File(tmp_path / "out.h5") as file:
        assert sparse and len(file["matrix/data"]) == observed.sum()
        assert file.attrs["missing"] == "unobserved"
    result = run(["import", tmp_path / "a.nc", "-o", tmp_path / "none.h5"], processes=processes, expect=1)
    assert len(result.messages) == 1 and "--missing unobserved" in result.messages[0]


def test_fill_values_elsewhere_are_numbers(tmp_path):
    """What h5py was told to fill with is data, unless the file is netCDF's."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("p", data=PACKED, fillvalue=8)
    np.testing.assert_array_equal(imported(tmp_path, tmp_path / "a.h5")[0], PACKED)


@pytest.mark.parametrize("attributes", [{"scale_factor": "ten"}, {"add_offset": np.nan}, {"valid_range": [1, 2, 3]},
                                        {"missing_value": np.arange(20)}, {"_Unsigned": "true"}])
def test_attributes_that_cannot_be_applied_are_named(tmp_path, attributes):
    write(tmp_path / "a.nc", PACKED, attributes)
    result = run(["import", f"{tmp_path}/a.nc:/p", "-o", tmp_path / "none.h5"], expect=1)
    assert len(result.messages) == 1 and next(iter(attributes)) in result.messages[0], result
