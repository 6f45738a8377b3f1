"""Starts of ratings from singular vectors (--init nndsvd), against biases and a whole SVD written out in numpy."""
import h5py
import numpy as np
import pytest

from program import INPUTS, PROCESSES, run

DAMPING = 10
AMPLITUDE = 0.25


def random_ratings(rows, cols, seed=0):
    """Half stars; popular columns, busy rows, one of each without any."""
    random = np.random.default_rng(seed)
    table = random.integers(1, 11, (rows, cols)) / 2
    chance = np.outer(random.uniform(0.2, 1, rows), random.uniform(0.2, 1, cols))
    table[random.random((rows, cols)) > chance] = np.nan
    table[rows // 2] = table[:, cols // 2] = np.nan
    return table


def planted_ratings(rows, cols, seed=1):
    """Four strong patterns: a spectrum that falls at once."""
    random = np.random.default_rng(seed)
    signs = random.choice([-1, 1], (rows, 4)) * [0.8, 0.5, 0.35, 0.25]
    table = 3 + signs @ random.choice([-1, 1], (4, cols)) + random.normal(0, 0.02, (rows, cols))
    table[random.random((rows, cols)) > 0.8] = np.nan
    return table


def write(path, table):
    rows, cols = np.nonzero(~np.isnan(table))
    starts = np.concatenate([[0], np.cumsum(np.sum(~np.isnan(table), axis=1))])
    with h5py.File(path, "w") as file:
        group = file.create_group("matrix")
        group.attrs["encoding-type"] = "csr_matrix"
        group.attrs["shape"] = table.shape
        group["data"], group["indices"], group["indptr"] = table[rows, cols], cols, starts
        file.attrs["missing"] = "unobserved"
    return path


def start_of(tmp_path, table, *options, processes=1):
    """The start as a model, a fit of no iterations: factors less the level that all have, and the biases that the stored
    numbers stand for. Without rows and columns that have no ratings, which are not the start's."""
    model = tmp_path / "start.h5"
    run(["fit", write(tmp_path / "ratings.h5", table), "-o", model, "--init", "nndsvd", "--max-iter", 0, *options],
        processes=processes)
    with h5py.File(model) as file:
        level = file.attrs.get("level", 0)
        biases = [file["bias/row"][:], file["bias/col"][:]] if "bias" in file else []
        factors = [file["W"][:].T, file["H"][:]]
    biases = [bias + level * factor.sum(axis=0) for bias, factor in zip(biases, factors)]
    seen = [~np.isnan(table).all(axis=axis) for axis in (1, 0)]
    return [part[..., seen[i % 2]] for i, part in enumerate([factor - level for factor in factors] + biases)]


def expected_parts(table, pairs):
    """Biases, and the weighted singular vectors of what they leave."""
    observed = ~np.isnan(table)
    above = np.where(observed, table - np.nanmean(table), 0)
    rows, cols = observed.sum(1) + DAMPING, observed.sum(0) + DAMPING
    col_bias = above.sum(0) / cols
    row_bias = (above - observed * col_bias).sum(1) / rows
    col_bias = (above - observed * row_bias[:, None]).sum(0) / cols
    residual = np.where(observed, above - row_bias[:, None] - col_bias, 0)
    u, _, v = np.linalg.svd(residual / np.sqrt(np.outer(rows, cols)))
    size = AMPLITUDE * np.sqrt(np.nanstd(table)) * np.sqrt(observed.sum())
    left, right = size * (u[:, :pairs] / np.sqrt(rows)[:, None]).T, size * v[:pairs] / np.sqrt(cols)
    seen_rows, seen_cols = observed.any(1), observed.any(0)
    return row_bias[seen_rows], col_bias[seen_cols], left[:, seen_rows], right[:, seen_cols]


def assert_parts(found, vectors, other_found, other_vectors, tolerance):
    """Pairs of components are positive and negative parts of vectors whose sign is free, the same on both sides."""
    for t, (vector, other) in enumerate(zip(vectors, other_vectors)):
        signed = found[2 * t] - found[2 * t + 1]
        sign = np.sign(signed @ vector)
        np.testing.assert_allclose(signed, sign * vector, rtol=0, atol=tolerance)
        np.testing.assert_allclose(other_found[2 * t] - other_found[2 * t + 1], sign * other, rtol=0, atol=tolerance)
        for parts in (found, other_found):
            assert np.max(np.abs(np.minimum(parts[2 * t], parts[2 * t + 1]))) < 1e-15 + 1e-3 * tolerance


@pytest.mark.parametrize("shape", [(23, 14), (13, 31)], ids=["tall", "wide"])
@pytest.mark.parametrize("processes", PROCESSES)
def test_components_are_parts_of_singular_vectors(tmp_path, shape, processes):
    table = random_ratings(*shape)
    w, h, row_bias, col_bias = start_of(tmp_path, table, "-k", 8, processes=processes)
    rows, cols, left, right = expected_parts(table, 4)
    np.testing.assert_allclose(row_bias, rows, atol=1e-12)
    np.testing.assert_allclose(col_bias, cols, atol=1e-12)
    assert_parts(w, left, h, right, 1e-8)


@pytest.mark.parametrize("processes", [1, 3])
def test_without_biases_the_first_component_is_mean_and_biases(tmp_path, processes):
    table = random_ratings(23, 14)
    w, h = start_of(tmp_path, table, "-k", 8, "--bias", "none", processes=processes)
    rows, cols, left, right = expected_parts(table, 3)
    root = np.sqrt(np.nanmean(table))
    np.testing.assert_allclose(w[0], np.maximum(0, root + rows / root), atol=1e-12)
    np.testing.assert_allclose(h[0], np.maximum(0, root + cols / root), atol=1e-12)
    assert_parts(w[1:], left, h[1:], right, 1e-8)
    small = 0.05 * root / np.sqrt(8)  # the eighth starts at random
    assert 0 < np.max(w[7]) < 5 * small and np.all(w[7] > 0)


@pytest.mark.parametrize("options, tolerance", [([], 1e-7), (["--precision", "single"], 1e-4)],
                         ids=["double", "single"])
@pytest.mark.parametrize("shape", [(220, 130), (130, 220)], ids=["tall", "wide"])
def test_lanczos_steps_find_a_spectrum_that_falls(tmp_path, shape, options, tolerance):
    """More rows than the space has vectors."""
    table = planted_ratings(*shape)
    w, h, *_ = start_of(tmp_path, table, "-k", 8, *options)
    _, _, left, right = expected_parts(table, 4)
    assert_parts(w, left, h, right, tolerance * np.abs(left).max())


@pytest.mark.parametrize("bias", ["none", "row", "col"])
@pytest.mark.parametrize("processes", PROCESSES[1:])
def test_the_same_start_on_any_number_of_processes(tmp_path, bias, processes):
    """Of 40 x 70 ratings without any pattern, where nothing has converged."""
    table = random_ratings(70, 40, seed=3)
    options = ["-k", 9, "--bias", bias]
    for found, expected in zip(start_of(tmp_path, table, *options, processes=processes),
                               start_of(tmp_path, table, *options)):
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


def test_the_same_bytes_for_any_number_of_threads(tmp_path):
    """Of ratings enough to be worth a team of threads."""
    table = random_ratings(300, 200, seed=3)
    one, two = (start_of(tmp_path, table, "-k", 9, "--threads", threads) for threads in (1, 2))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(one, two))


@pytest.mark.parametrize("solver", ["hals", "bpp"])
@pytest.mark.parametrize("bias", ["none", "both"])
def test_the_objective_never_increases_from_it(tmp_path, solver, bias):
    source = write(tmp_path / "ratings.h5", random_ratings(40, 30))
    run(["fit", source, "-o", tmp_path / "m.h5", "-k", 7, "--init", "nndsvd", "--solver", solver, "--bias", bias,
         "--shrink-to", "zero", "--max-iter", 40, "--tol", 0])
    with h5py.File(tmp_path / "m.h5") as file:
        history = file["history/objective"][1:]
    assert np.all(np.diff(history) <= 1e-12 * history[0])


@pytest.mark.parametrize("precision", ["single", "double"])
def test_planted_patterns_are_there_after_two_iterations(tmp_path, precision):
    source = write(tmp_path / "ratings.h5", planted_ratings(220, 130))
    errors = {}
    for init in ("random", "nndsvd"):
        errors[init] = run(["fit", source, "-o", tmp_path / "m.h5", "-k", 9, "--init", init, "--max-iter", 2, "--l2",
                            0.01, "--precision", precision, "--json"]).json["rmse"]
    assert errors["nndsvd"] < 0.5 * errors["random"]


@pytest.mark.parametrize("k", [1, 2, 3, 6])
@pytest.mark.parametrize("bias", ["none", "both"])
@pytest.mark.parametrize("processes", [1, 6])
def test_few_ratings_and_many_components(tmp_path, k, bias, processes):
    """Vectors beyond the rank are not there, and their components start at random."""
    table = random_ratings(6, 5)
    arrays = start_of(tmp_path, table, "-k", k, "--bias", bias, processes=processes)
    assert all(np.all(np.isfinite(a)) for a in arrays)
    with h5py.File(tmp_path / "start.h5") as file:
        assert np.all(file["W"][:] >= 0) and np.all(file["H"][:] >= 0)
    assert np.all(arrays[0].max(axis=1) + arrays[1].max(axis=1) > 0)  # else no update could revive it


@pytest.mark.parametrize("level", [0.0, 3.0])
def test_ratings_that_are_all_equal_start_at_random(tmp_path, level):
    table = np.full((5, 4), level)
    table[1, 2] = np.nan
    assert all(np.all(np.isfinite(a)) for a in start_of(tmp_path, table, "-k", 3))


@pytest.mark.parametrize("options, words", [(["--init", "nndsvda"], "nndsvd or"),
                                            (["--init", "nndsvd", "--solver", "mu"], "--solver mu cannot change")])
def test_what_cannot_start_so_is_refused(tmp_path, options, words):
    result = run(["fit", INPUTS / "ratings-triples.csv", "-k", 2, "-o", tmp_path / "m.h5", *options], expect=2)
    assert words in result.messages[0] and options[1] in result.messages[0]
