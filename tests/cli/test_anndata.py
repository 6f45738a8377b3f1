"""A model's factors put into an .h5ad: read back by anndata, everything else as it was."""
import os
import shutil
import warnings

import h5py
import numpy as np
import pandas
import pytest
import scipy.sparse

from program import run

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import anndata


@pytest.fixture(scope="module")
def files(folder):
    """cells.h5ad, the same cells and genes in another order, and a model of the first."""
    random = np.random.default_rng(2)
    counts = scipy.sparse.csr_matrix(random.integers(0, 4, (31, 17)).astype("f4"))
    obs = pandas.DataFrame({"kind": pandas.Categorical(random.choice(["α", "β"], 31))},
                           index=[f"cell-{i}é" for i in range(31)])
    data = anndata.AnnData(counts, obs, pandas.DataFrame(index=[f"gene{j}" for j in range(17)]), dtype="f4")
    data.obsm["X_pca"], data.uns["log"], data.layers["raw"] = random.random((31, 4)), {"base": 2}, counts.copy()
    data.write(folder / "cells.h5ad")
    data[random.permutation(31)][:, random.permutation(17)].copy().write(folder / "shuffled.h5ad")
    run(["fit", folder / "cells.h5ad", "-o", folder / "model.h5", "-k", "3", "--max-iter", "5", "-q"])
    return folder


def contents(path):
    """Every dataset and attribute of a file, by name."""
    found = {}

    def visit(name, item):
        found[name] = np.asarray(item[()]).tolist() if isinstance(item, h5py.Dataset) else None
        found.update({(name, key): np.asarray(value).tolist() for key, value in item.attrs.items()})

    with h5py.File(path) as file:
        file.visititems(visit)
        visit("", file)
    return found


@pytest.mark.parametrize("name,processes", [("cells.h5ad", 1), ("shuffled.h5ad", 3)])
def test_factors_follow_the_names(files, name, processes):
    target = files / f"target-{name}"
    shutil.copy(files / name, target)
    os.chmod(target, 0o640)
    run(["export", files / "model.h5", "--into", target, "--key", "parts"], processes)
    data = anndata.read_h5ad(target)
    with h5py.File(files / "model.h5") as model:
        w = pandas.DataFrame(model["W"][:], model["row_ids"].asstr()[:])
        h = pandas.DataFrame(model["H"][:].T, model["col_ids"].asstr()[:])
        assert data.uns["parts"]["solver"] == "ahals" and data.uns["parts"]["components"] == 3
        assert data.uns["parts"]["objective"] == model.attrs["objective"]
    np.testing.assert_array_equal(data.obsm["X_parts"], w.loc[data.obs_names])
    np.testing.assert_array_equal(data.varm["parts"], h.loc[data.var_names])
    assert target.stat().st_mode & 0o777 == 0o640
    before, after = contents(files / name), contents(target)
    assert {key: after[key] for key in before} == before
    added = {(key if isinstance(key, str) else key[0]).split("/")[1] for key in after if key not in before}
    assert added == {"X_parts", "parts"}


def test_a_link_stays_a_link(files):
    shutil.copy(files / "cells.h5ad", files / "linked.h5ad")
    (files / "link.h5ad").symlink_to("linked.h5ad")
    run(["export", files / "model.h5", "--into", files / "link.h5ad"])
    assert (files / "link.h5ad").is_symlink()
    assert anndata.read_h5ad(files / "linked.h5ad").obsm["X_nmf"].shape == (31, 3)


def test_a_model_without_names_goes_by_position(files):
    np.save(files / "plain.npy", np.random.default_rng(1).random((31, 17)))
    with h5py.File(files / "plain.h5", "w") as file:
        file["matrix"] = np.load(files / "plain.npy")
    run(["fit", files / "plain.h5", "-o", files / "plain-model.h5", "-k", "2", "--max-iter", "2", "-q"])
    shutil.copy(files / "cells.h5ad", files / "position.h5ad")
    run(["export", files / "plain-model.h5", "--into", files / "position.h5ad"], 2)
    with h5py.File(files / "plain-model.h5") as model:
        np.testing.assert_array_equal(anndata.read_h5ad(files / "position.h5ad").obsm["X_nmf"], model["W"][:])
    run(["import", files / "plain.h5", "-o", files / "fewer.h5", "--rows", "3:", "-q"])
    with h5py.File(files / "fewer.h5", "a") as file:
        del file["row_ids"]
    run(["fit", files / "fewer.h5", "-o", files / "fewer-model.h5", "-k", "2", "--max-iter", "2", "-q"])
    result = run(["export", files / "fewer-model.h5", "--into", files / "position.h5ad", "--key", "few"], expect=1)
    assert "31 observations and" in result.messages[0] and "28 rows without ids" in result.messages[0]


@pytest.mark.parametrize("change,options,status,message", [
    (lambda file: file["obsm"].create_dataset("X_nmf", data=np.zeros((31, 1))), [], 1, "obsm/X_nmf already; give"),
    (lambda file: file["uns"].create_group("nmf"), [], 1, "uns/nmf already"),
    (lambda file: file["obs/_index"].__setitem__(4, "stranger"), [], 1,
     "1 of the 31 observations of"),
    (lambda file: (file.__delitem__("obsm"), file.create_dataset("obsm", data=[1])), [], 1, "AnnData before 0.7"),
    (lambda file: None, ["--key", "a/b"], 2, "--key a/b"),
    (lambda file: None, ["-o", "other.csv"], 2, "give no other output"),
])
def test_what_cannot_be_added_leaves_the_file_alone(files, change, options, status, message):
    target = files / "refused.h5ad"
    shutil.copy(files / "cells.h5ad", target)
    with h5py.File(target, "a") as file:
        change(file)
    before = target.read_bytes()
    result = run(["export", files / "model.h5", "--into", target, *options], 1 + (status == 1), expect=status)
    assert len(result.messages) == 1 and message in result.messages[0], result
    assert target.read_bytes() == before and not list(files.glob("refused.h5ad.*"))


def test_a_kill_at_any_time_leaves_the_old_file_or_the_new_one(files):
    target = files / "killed.h5ad"
    shutil.copy(files / "cells.h5ad", target)
    before = target.read_bytes()
    for delay in (0.01, 0.02, 0.03, 0.04, 0.06, 0.09):
        run(["export", files / "model.h5", "--into", target], expect=None, prefix=["timeout", "-s", "KILL", str(delay)])
        if target.read_bytes() != before:
            assert anndata.read_h5ad(target).obsm["X_nmf"].shape == (31, 3)
            return


def test_only_models_go_into_a_file(files):
    result = run(["export", files / "cells.h5ad", "--into", files / "shuffled.h5ad"], expect=2)
    assert "is not a model" in result.messages[0]
