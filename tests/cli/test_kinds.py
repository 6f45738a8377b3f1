"""The same extreme values through every kind of fit get the same answers, from the one loop that all fits share."""
import h5py
import numpy as np
import pytest

from program import run

KINDS = {
    "hals": [],
    "bpp": ["--solver", "bpp"],
    "mu": ["--solver", "mu"],
    "observed": ["--missing", "unobserved"],
    "observed without biases": ["--missing", "unobserved", "--bias", "none"],
    "observed exactly": ["--missing", "unobserved", "--solver", "bpp"],
    "observed drawn": ["--missing", "unobserved", "--samples", 4, "--burn-in", 2],
    "observed mu": ["--missing", "unobserved", "--solver", "mu"],
    "observed beside weak zeros": ["--missing", "weak", "--missing-weight", 0.5],
    "batches": ["--batch-rows", 5],
}
DIVERGENCES = {"Kullback-Leibler": ["--loss", "kullback-leibler"],
               "Kullback-Leibler by Newton's method": ["--loss", "kullback-leibler", "--solver", "newton"]}
FOLDS = {"zeros": [], "divergence": ["--loss", "kullback-leibler"], "observed": ["--missing", "unobserved"],
         "observed beside weak zeros": ["--missing", "weak", "--missing-weight", 0.5]}

VALUES = np.random.default_rng(1).random((12, 9)) + 0.5


def place(value, others):
    table = np.full(VALUES.shape, others)
    table[3, 4] = value
    return table


MATRICES = {
    "ordinary": VALUES,
    "huge": VALUES * 1e200,
    "tiny": VALUES * 1e-300,
    "no number": np.where(VALUES == VALUES[3, 4], np.nan, VALUES),
    "infinite": np.where(VALUES == VALUES[3, 4], np.inf, VALUES),
    "negative": np.where(VALUES == VALUES[3, 4], -1, VALUES),
    "empty": VALUES * 0,
    "one entry": place(3.0, 0.0),
}
REFUSED = {"huge": "too large", "tiny": "too small", "no number": "nan", "infinite": "inf", "negative": "negative"}


def is_missing(kind, matrix):
    """What is no number is a missing cell where unknown cells take no part."""
    return matrix == "no number" and kind.startswith("observed")


@pytest.fixture(scope="module")
def inputs(folder):
    for name, matrix in MATRICES.items():
        with h5py.File(folder / f"{name}.h5", "w") as file:
            file["matrix"] = matrix
    for name, options in FOLDS.items():
        run(["fit", folder / "ordinary.h5", "-o", folder / f"model of {name}.h5", "-k", 2, *options])
    return folder


def fit(inputs, matrix, output, options, **how):
    return run(["fit", inputs / f"{matrix}.h5", "-o", output, "-k", 2, "--max-iter", 30, "--json", *options], **how)


@pytest.mark.parametrize("kind, matrix", [(kind, matrix) for kind in KINDS for matrix in REFUSED
                                          if not is_missing(kind, matrix)])
def test_values_that_no_fit_can_use_are_refused_alike(inputs, tmp_path, kind, matrix):
    for processes in (1, 3) if kind in ("hals", "observed", "batches") else (1,):
        result = fit(inputs, matrix, tmp_path / "m.h5", KINDS[kind], processes=processes, expect=1)
        assert REFUSED[matrix] in result.stderr and result.stderr.count("dnmf: error") == 1, str(result)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("observed")])
def test_no_number_is_a_missing_cell_where_those_are_unknown(inputs, tmp_path, kind):
    report = fit(inputs, "no number", tmp_path / "m.h5", KINDS[kind], processes=3).json
    assert report["stored"] == VALUES.size - 1 and np.isfinite(report["objective"])


@pytest.mark.parametrize("fold, matrix", [(fold, matrix) for fold in FOLDS for matrix in REFUSED
                                          if not is_missing(fold, matrix)])
def test_and_so_are_rows_to_fold_in(inputs, tmp_path, fold, matrix):
    if (fold, matrix) == ("divergence", "huge"):
        pytest.skip("a divergence needs no squares")
    result = run(["transform", inputs / f"model of {fold}.h5", inputs / f"{matrix}.h5", "-o", tmp_path / "t.h5"],
                 processes=3, expect=1)
    assert REFUSED[matrix] in result.stderr, str(result)
    assert not list(tmp_path.iterdir())


def finite_or_null(value):
    if isinstance(value, dict):
        return all(map(finite_or_null, value.values()))
    return not isinstance(value, float) or np.isfinite(value)


@pytest.mark.parametrize("kind", [*KINDS, *DIVERGENCES])
def test_one_entry_is_fitted_by_all(inputs, tmp_path, kind):
    """Exactly, or nearly so; nothing that is printed is no number."""
    found = fit(inputs, "one entry", tmp_path / "m.h5", {**KINDS, **DIVERGENCES}[kind], processes=3)
    report = found.json
    assert "nan" not in found.stdout and finite_or_null(report)
    with h5py.File(tmp_path / "m.h5") as file:
        assert np.isfinite(file["W"][:]).all() and np.isfinite(file["H"][:]).all()
    assert report["objective"] < (0.1 if "drawn" in kind else 1e-6)  # draws are about it


@pytest.mark.parametrize("kind", [*KINDS, *DIVERGENCES])
def test_nothing_to_fit(inputs, tmp_path, kind):
    """A matrix of zeros is fitted exactly; where zeros are unknown there is nothing to learn from."""
    observed = "observed" in kind
    options = {**KINDS, **DIVERGENCES}[kind]
    found = fit(inputs, "empty", tmp_path / "m.h5", options, processes=3, expect=1 if observed else 0)
    assert "nan" not in found.stdout + found.stderr
    if observed:
        assert "no observed entries" in found.stderr
    else:
        assert found.json["objective"] == 0
