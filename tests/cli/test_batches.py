"""Fits in mini-batches: the algorithms against plain numpy and scikit-learn, quality, memory, and what is refused."""
import json
import os
import warnings

import h5py
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
from sklearn.decomposition import MiniBatchNMF
from sklearn.exceptions import ConvergenceWarning

from fits import factors, write_hdf5
from program import INPUTS, run
from test_errors import Mount, check_refused

COMPONENTS = 5
BATCH_ROWS = 17
ROWS = 93  # five full batches and a short one


class Problem:
    """A matrix on disk and a start."""

    def __init__(self, folder, matrix):
        rng = np.random.default_rng(7)
        self.matrix = matrix
        self.folder = folder
        self.source = folder / "a.h5"
        self.start_file = folder / "start.h5"
        scale = np.sqrt(matrix.mean() / COMPONENTS)
        self.start = (scale * np.abs(rng.standard_normal((matrix.shape[0], COMPONENTS))),
                      scale * np.abs(rng.standard_normal((COMPONENTS, matrix.shape[1]))))
        write_hdf5(self.source, matrix)
        with h5py.File(self.start_file, "w") as file:
            file["W"], file["H"] = self.start

    def fit(self, *options, processes=1):
        """W, H and the JSON object of a fit from the start."""
        output = self.folder / "model.h5"
        report = run(["fit", self.source, "-o", output, "-k", COMPONENTS, "--json", "--tol", 0,
                      "--init", f"file:{self.start_file}", *options], processes=processes).json
        return *factors(output), report

    @property
    def dense(self):
        return self.matrix.toarray() if scipy.sparse.issparse(self.matrix) else self.matrix

    def objective(self, w, h):
        return 0.5 * np.linalg.norm(self.dense - w @ h) ** 2


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    rng = np.random.default_rng(1)
    return Problem(tmp_path_factory.mktemp("dense"), rng.random((ROWS, 6)) @ rng.random((6, 23)) + rng.random((ROWS, 23)))


@pytest.fixture(scope="module")
def sparse(tmp_path_factory):
    """Every other row is stored backwards."""
    matrix = scipy.sparse.random(ROWS, 31, 0.2, format="csr", random_state=2)
    for row in range(0, ROWS, 2):
        part = slice(matrix.indptr[row], matrix.indptr[row + 1])
        matrix.indices[part] = matrix.indices[part][::-1].copy()
        matrix.data[part] = matrix.data[part][::-1].copy()
    return Problem(tmp_path_factory.mktemp("sparse"), matrix)


@pytest.fixture(params=["dense", "sparse"])
def problem(request):
    return request.getfixturevalue(request.param)


def coordinate_sweeps(x, products, gram, sweeps):
    for _ in range(sweeps):
        for t in range(x.shape[1]):
            x[:, t] = np.maximum(0, x[:, t] - (x @ gram[:, t] - products[:, t]) / gram[t, t])


def reference(problem, passes, forget, sweeps):
    """H after some passes of hals in mini-batches; S and G are summed anew over all batches when nothing is forgotten."""
    a = problem.dense
    w, h = problem.start[0].copy(), problem.start[1].T.copy()
    s, g = np.zeros_like(h), np.zeros((COMPONENTS, COMPONENTS))
    keep = forget ** (BATCH_ROWS / ROWS)
    visited = np.zeros(ROWS, bool)
    for _ in range(passes):
        for begin in range(0, ROWS, BATCH_ROWS):
            batch = slice(begin, begin + BATCH_ROWS)
            part = w[batch]
            coordinate_sweeps(part, a[batch] @ h, h.T @ h, sweeps)
            visited[batch] = True
            if forget:
                s, g = keep * s + a[batch].T @ part, keep * g + part.T @ part
            else:
                s, g = a[visited].T @ w[visited], w[visited].T @ w[visited]
            coordinate_sweeps(h, s, g, sweeps)
    return h.T


@pytest.mark.parametrize("forget", [0, 0.6])
@pytest.mark.parametrize("processes", [1, 3])
def test_hals_is_the_iteration_of_plain_numpy(problem, processes, forget):
    _, h, _ = problem.fit("--batch-rows", BATCH_ROWS, "--max-iter", 4, "--forget", forget, "--sweeps", 2,
                          processes=processes)
    np.testing.assert_allclose(h, reference(problem, 4, forget, 2), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_mu_that_forgets_is_scikit_learns_minibatch_nmf(problem, processes):
    peer = MiniBatchNMF(COMPONENTS, init="custom", batch_size=BATCH_ROWS, forget_factor=0.7, max_iter=4, tol=0,
                        max_no_improvement=None, alpha_W=1e-3, alpha_H=2e-3, l1_ratio=0.25)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer.fit_transform(problem.matrix, W=problem.start[0].copy(), H=problem.start[1].copy())
    _, h, _ = problem.fit("--batch-rows", BATCH_ROWS, "--max-iter", 4, "--solver", "mu", "--forget", 0.7,
                          "--penalty-scale", "dimension", "--l1-w", 0.25e-3, "--l2-w", 0.75e-3, "--l1-h", 0.5e-3,
                          "--l2-h", 1.5e-3, processes=processes)
    np.testing.assert_allclose(h, peer.components_, rtol=1e-9, atol=1e-12)


LOSSES = {"kullback-leibler": 1, "itakura-saito": 0, "0.5": 0.5, "1.5": 1.5, "2.5": 2.5}


def divergence(a, p, beta):
    with np.errstate(divide="ignore", invalid="ignore"):
        if beta == 1:
            return np.sum(np.where(a > 0, a * np.log(a / p), 0) - a + p)
        if beta == 0:
            return np.sum(a / p - np.log(a / p) - 1)
        return np.sum(a ** beta + (beta - 1) * p ** beta - beta * a * p ** (beta - 1)) / (beta * (beta - 1))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("processes", [1, 3])
def test_a_divergence_is_scikit_learns_minibatch_nmf(problem, processes, loss):
    """With penalties. The objective is that of the model: its W is updated ten times more for the final H."""
    if LOSSES[loss] <= 0 and scipy.sparse.issparse(problem.matrix):
        pytest.skip("infinite at zeros")
    ordered = problem.matrix.copy()  # scikit-learn takes rows stored backwards for others
    if scipy.sparse.issparse(ordered):
        ordered.sort_indices()
    peer = MiniBatchNMF(COMPONENTS, init="custom", batch_size=BATCH_ROWS, forget_factor=0.7, max_iter=4, tol=0,
                        max_no_improvement=None, alpha_W=1e-3, alpha_H=2e-3, l1_ratio=0.25, beta_loss=LOSSES[loss])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer.fit_transform(ordered, W=problem.start[0].copy(), H=problem.start[1].copy())
    w, h, report = problem.fit("--batch-rows", BATCH_ROWS, "--max-iter", 4, "--loss", loss, "--penalty-scale",
                               "dimension", "--l1-w", 0.25e-3, "--l2-w", 0.75e-3, "--l1-h", 0.5e-3, "--l2-h", 1.5e-3,
                               processes=processes)
    np.testing.assert_allclose(h, peer.components_, rtol=1e-8, atol=1e-12)
    assert report["solver"] == "mu" and report["mini_batches"]["forget"] == 0.7
    rows, cols = problem.matrix.shape
    penalty = (cols * (0.25e-3 * w.sum() + 0.375e-3 * (w ** 2).sum()) +
               rows * (0.5e-3 * h.sum() + 0.75e-3 * (h ** 2).sum()))
    assert report["objective"] == pytest.approx(divergence(problem.dense, w @ h, LOSSES[loss]) + penalty, rel=1e-8)


@pytest.mark.parametrize("precision", ["double", "single"])
def test_a_divergence_falls_and_goes_on_from_a_checkpoint(problem, tmp_path, precision):
    options = ["--batch-rows", BATCH_ROWS, "--loss", "kullback-leibler", "--precision", precision, "--forget", 0.5]
    w, h, report = problem.fit("--max-iter", 6, *options, processes=2)
    first = problem.fit("--max-iter", 1, *options)[2]["objective"]
    assert report["objective"] < first
    checkpoint = tmp_path / "c.h5"
    start = ["fit", problem.source, "-o", tmp_path / "m.h5", "-k", COMPONENTS, "--tol", 0, "--max-iter", 6, *options,
             "--init", f"file:{problem.start_file}", "--checkpoint", checkpoint]
    run([*start, "--checkpoint-every", 2, "--time-limit", 0], expect=75)
    run([*start, "--resume", checkpoint], processes=3)
    resumed = factors(tmp_path / "m.h5")
    tolerance = {"rtol": 1e-9, "atol": 1e-12} if precision == "double" else {"rtol": 2e-3, "atol": 1e-4}
    np.testing.assert_allclose(resumed[1], h, **tolerance)
    np.testing.assert_allclose(resumed[0], w, **tolerance)


@pytest.mark.parametrize("matrix", [np.eye(20, 7), scipy.sparse.eye(20, 7, format="csr")], ids=["dense", "sparse"])
def test_a_zero_is_named_where_the_loss_is_infinite(tmp_path, matrix):
    write_hdf5(tmp_path / "a.h5", matrix)
    check_refused(["fit", tmp_path / "a.h5", "-o", tmp_path / "m.h5", "-k", 2, "--batch-rows", 6, "--loss",
                   "itakura-saito", "--missing", "zero"], tmp_path / "m.h5", ["is 0", "--loss"], 2)


@pytest.mark.parametrize("solver", ["hals", "mu", "bpp"])
def test_one_batch_of_all_rows_is_the_fit_in_memory(problem, solver):
    penalties = ["--l1-w", 0.01, "--l2-w", 0.02, "--l1-h", 0.03, "--l2-h", 0.04]
    sweeps = [] if solver == "bpp" else ["--sweeps", 1]
    in_memory = problem.fit("--solver", solver, "--max-iter", 6, *penalties, "--stop", "objective")
    in_batches = problem.fit("--solver", solver, "--max-iter", 6, *penalties, "--batch-rows", ROWS, *sweeps,
                             processes=2)
    np.testing.assert_allclose(in_batches[1], in_memory[1], rtol=1e-9, atol=1e-10)
    with h5py.File(problem.folder / "model.h5") as file:
        assert file["history/objective"][-1] == pytest.approx(in_memory[2]["objective"], rel=1e-9)


@pytest.mark.parametrize("solver", ["hals", "mu", "bpp"])
def test_the_objective_never_increases(problem, solver):
    w, h, report = problem.fit("--batch-rows", BATCH_ROWS, "--max-iter", 15, "--solver", solver)
    with h5py.File(problem.folder / "model.h5") as file:
        history = file["history/objective"][:]
    assert np.isnan(history[0]) and len(history) == 16
    assert np.all(np.diff(history[1:]) <= 1e-9 * history[1])
    assert report["objective"] <= history[-1] * (1 + 1e-12)
    assert report["objective"] == pytest.approx(problem.objective(w, h), rel=1e-9)


@pytest.mark.parametrize("options", [["--forget", 0.5], ["--solver", "mu", "--time-limit", 0]])
def test_w_is_the_minimizer_for_the_final_h(problem, options):
    """Also where a time limit cuts a pass off."""
    w, h, report = problem.fit("--batch-rows", BATCH_ROWS, "--max-iter", 3, *options, processes=2)
    expected = np.array([scipy.optimize.nnls(h.T, row)[0] for row in problem.dense])
    np.testing.assert_allclose(w, expected, rtol=1e-7, atol=1e-8)
    assert report["objective"] == pytest.approx(problem.objective(w, h), rel=1e-9)
    if "--time-limit" in options:
        assert (report["stop_reason"], report["iterations"]) == ("time-limit", 0)


def test_the_same_on_any_number_of_processes(problem):
    """Also where shares of a batch are empty."""
    options = ["--batch-rows", 5, "--max-iter", 3, "--seed", 3, "--init", "random"]
    expected = problem.fit(*options)
    for processes in (2, 6):
        w, h, report = problem.fit(*options, processes=processes)
        np.testing.assert_allclose(w, expected[0], rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(h, expected[1], rtol=1e-8, atol=1e-10)
        assert report["grid"] == f"{processes}x1"


def test_the_start_is_that_of_a_fit_in_memory(problem):
    options = ["--max-iter", 0, "--seed", 4, "--init", "random"]
    _, expected, _ = problem.fit(*options)
    _, h, _ = problem.fit(*options, "--batch-rows", BATCH_ROWS, processes=3)
    np.testing.assert_allclose(h, expected, rtol=1e-12)  # the mean is summed in another order


@pytest.mark.parametrize("init", ["nndsvd", "nndsvda", "nndsvdar"])
def test_the_start_from_singular_vectors_is_that_of_a_fit_in_memory(problem, init):
    """H as it starts, and W by what a pass over one batch of all rows makes of it."""
    start, one = (["--seed", 4, "--init", init, *rest] for rest in (["--max-iter", 0], ["--max-iter", 1]))
    close = {"rtol": 1e-6, "atol": 1e-8}
    for processes in (1, 3):
        in_memory, in_batches = (problem.fit(*start, "--batch-rows", rows, processes=processes)[1]
                                 for rows in (ROWS, BATCH_ROWS))
        expected = problem.fit(*start, "--solver", "hals")[1]
        np.testing.assert_allclose(in_batches, expected, **close)
        np.testing.assert_allclose(in_memory, expected, **close)
    expected = problem.fit(*one, "--solver", "hals")[1]
    np.testing.assert_allclose(problem.fit(*one, "--batch-rows", ROWS, "--sweeps", 1, processes=3)[1], expected, **close)
    mixed = [problem.fit(*one, "--batch-rows", BATCH_ROWS, processes=processes)[1] for processes in (1, 3)]
    np.testing.assert_allclose(*mixed, **close)


@pytest.mark.parametrize("shape", [(12, 60), (60, 12)])
def test_singular_vectors_of_a_small_matrix(tmp_path, shape):
    """Of which there are fewer than the start looks for."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["matrix"] = np.random.default_rng(8).gamma(1, 1, shape)
    start = ["fit", tmp_path / "a.h5", "-k", 8, "--init", "nndsvd", "--max-iter", 0, "--quiet"]
    run([*start, "-o", tmp_path / "one.h5"])
    for processes in (1, 3):
        run([*start, "--batch-rows", 6, "-o", tmp_path / "m.h5"], processes=processes)
        np.testing.assert_allclose(factors(tmp_path / "m.h5")[1], factors(tmp_path / "one.h5")[1], rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("selected", [["--transpose"], ["--rows", "10:80", "--cols", "3:20"]], ids=["transposed", "part"])
def test_other_views_of_a_dataset(dense, tmp_path, selected):
    """Of a packed dataset, too: chunks of rows that belong to several processes."""
    source = tmp_path / "packed.h5"
    with h5py.File(source, "w") as file:
        file.create_dataset("matrix", data=dense.dense, chunks=(10, 7), compression="gzip")
    objectives = []
    for batches in (["--solver", "hals"], ["--batch-rows", 1000, "--sweeps", 1]):
        run(["fit", source, "-o", tmp_path / "m.h5", "-k", 3, "--max-iter", 4, "--tol", 0, *selected, *batches],
            processes=2)
        with h5py.File(tmp_path / "m.h5") as file:
            objectives.append(file["history/objective"][-1])
    assert objectives[1] == pytest.approx(objectives[0], rel=1e-9)


def test_single_precision(problem):
    options = ["--batch-rows", BATCH_ROWS, "--max-iter", 10]
    double = problem.fit(*options)[2]["objective"]
    assert problem.fit(*options, "--precision", "single")[2]["objective"] == pytest.approx(double, rel=1e-3)


def test_the_report_and_the_provenance_say_it(dense, tmp_path):
    log = tmp_path / "log.jsonl"
    _, _, report = dense.fit("--batch-rows", BATCH_ROWS, "--max-iter", 2, "--log", log, processes=2)
    batches = report["mini_batches"]
    assert (batches["rows"], batches["count"], batches["sweeps"], batches["forget"]) == (BATCH_ROWS, 6, 3, 0)
    assert batches["memory"]["allowed"] is None
    assert [json.loads(line)["iteration"] for line in log.read_text().splitlines()] == [0, 1, 2]
    with h5py.File(dense.folder / "model.h5") as file:
        assert file.attrs["batch_rows"] == BATCH_ROWS
    assert dense.fit("--max-iter", 2)[2]["mini_batches"] is None


def test_passes_stop_by_the_objective(dense):
    """Ten passes that lower the relative error by less than the tolerance are the last."""
    _, _, report = dense.fit("--batch-rows", BATCH_ROWS, "--tol", 1e-4)
    with h5py.File(dense.folder / "model.h5") as file:
        errors = np.sqrt(2 * file["history/objective"][1:]) / np.linalg.norm(dense.dense)
    assert report["converged"] and report["stop_reason"] == "objective"
    progress = -np.diff([1, *errors[9::10]])
    assert len(errors) % 10 == 0 and len(errors) > 10
    assert progress[-1] < 1e-4 and np.all(progress[:-1] >= 1e-4)


# --- Quality: no worse than a fit in memory with as many passes, on matrices of three kinds.


def check_quality(source, folder, components, passes, margin, missing=()):
    objectives = []
    for batches in (["--solver", "hals"], ["--batch-rows", 64]):
        report = run(["fit", source, "-o", folder / "m.h5", "-k", components, "--max-iter", passes, "--tol", 0, "--json",
                      *missing, *batches]).json
        objectives.append(report["objective"])
    assert objectives[1] <= objectives[0] * (1 + margin)


def test_quality_on_a_planted_matrix(tmp_path):
    run(["generate", "-o", tmp_path / "a.h5", "--rows", 1000, "--cols", 150, "--kind", "planted", "-k", 8, "-q"])
    check_quality(tmp_path / "a.h5", tmp_path, 8, 15, 0)


def test_quality_on_a_sparse_matrix(tmp_path):
    run(["generate", "-o", tmp_path / "a.h5", "--rows", 1000, "--cols", 600, "--kind", "ratings", "--nnz", 30000, "-q"])
    check_quality(tmp_path / "a.h5", tmp_path, 8, 15, 0.002, ["--missing", "zero"])


def test_quality_on_movielens(tmp_path, data):
    run(["import", data / "ml-100k" / "u.data", "-o", tmp_path / "a.h5", "-q"])
    check_quality(tmp_path / "a.h5", tmp_path, 20, 15, 0.002, ["--missing", "zero"])


# --- Memory.


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """100 MB, 200 MB in double precision."""
    path = tmp_path_factory.mktemp("large") / "a.h5"
    row = np.random.default_rng(3).random(2000).astype("f4")
    with h5py.File(path, "w") as file:
        data = file.create_dataset("matrix", (12500, 2000), "f4")
        for begin in range(0, 12500, 2500):
            data[begin:begin + 2500] = np.linspace(0.5, 1, 2500, dtype="f4")[:, None] * row
    return path


@pytest.mark.parametrize("processes", [1, 2])
def test_peak_memory_stays_below_what_is_allowed(large, tmp_path, processes):
    report = run(["fit", large, "-o", tmp_path / "m.h5", "-k", 6, "--max-iter", 1, "--memory", "90MB", "--json"],
                 processes=processes).json
    memory = report["mini_batches"]["memory"]
    assert memory["allowed"] == 90_000_000
    assert memory["planned"] <= memory["allowed"]
    assert report["peak_memory"] <= memory["allowed"]


def test_a_matrix_that_fits_is_held_whole(dense):
    _, _, report = dense.fit("--memory", "1GiB", "--max-iter", 2)
    assert report["mini_batches"] is None
    result = run(["fit", dense.source, "-o", dense.folder / "m.h5", "-k", 2, "--memory", "1GiB", "--max-iter", 1])
    assert "the whole matrix fits" in result.stdout


def test_too_little_memory_says_how_much_it_takes(large, tmp_path):
    arguments = ["fit", large, "-o", tmp_path / "m.h5", "-k", 6, "--max-iter", 0]
    message = check_refused([*arguments, "--memory", "40MB"], tmp_path / "m.h5", ["--memory 40.0 MB", "at least"], 1)
    needed = float(message.split("at least ")[1].split(" MB")[0])
    run([*arguments, "--memory", f"{needed + 0.1}MB"])


@pytest.mark.parametrize("size", ["-1GB", "4 GiB", "4XB", "B", "0", "nan"])
def test_sizes_that_are_none(dense, tmp_path, size):
    check_refused(["fit", dense.source, "-o", tmp_path / "m.h5", "-k", 2, f"--memory={size}"], tmp_path / "m.h5",
                  ["--memory"], 1, status=2)


# --- Bad input.


@pytest.mark.parametrize("value, processes", [(-2.5, 3), (np.nan, 1), (np.inf, 1)])
def test_a_bad_value_is_told_as_in_memory(dense, sparse, tmp_path, value, processes):
    for problem in (dense, sparse):
        matrix = problem.matrix.copy()
        row = 5 * BATCH_ROWS - 3
        column = 4 if not scipy.sparse.issparse(matrix) else matrix.indices[matrix.indptr[row]]
        matrix[row, column] = value
        write_hdf5(tmp_path / "bad.h5", matrix)
        arguments = ["fit", tmp_path / "bad.h5", "-o", tmp_path / "m.h5", "-k", 2]
        words = ["bad.h5", f"row {row}, column {column}"]
        in_memory = check_refused(arguments, tmp_path / "m.h5", words, 1)
        in_batches = check_refused([*arguments, "--batch-rows", BATCH_ROWS], tmp_path / "m.h5", words, processes)
        assert in_batches == in_memory


def test_a_truncated_file(dense, tmp_path):
    bad = tmp_path / "bad.h5"
    bad.write_bytes(dense.source.read_bytes()[:-3000])
    check_refused(["fit", bad, "-o", tmp_path / "m.h5", "-k", 2, "--batch-rows", 20], tmp_path / "m.h5", ["bad.h5"], 3)


@pytest.mark.parametrize("options, words", [
    (["--stop", "gradient"], ["--stop gradient", "mini-batches"]),
    (["--loss", "kullback-leibler", "--forget", 0], ["--forget 0", "mini-batches", "0.7"]),
    (["--loss", "kullback-leibler", "--solver", "newton"], ["--solver newton"]),
    (["--exact-residual"], ["--exact-residual", "mini-batches"]),
    (["--missing", "unobserved"], ["--batch-rows", "--missing zero"]),
    (["--solver", "bpp", "--sweeps", "2"], ["--sweeps", "exact"]),
])
def test_options_that_do_not_go_with_it(dense, tmp_path, options, words):
    check_refused(["fit", dense.source, "-o", tmp_path / "m.h5", "-k", 2, "--batch-rows", 20, *options],
                  tmp_path / "m.h5", words, 1, status=2)


def test_a_grid_of_columns(dense, tmp_path):
    check_refused(["fit", dense.source, "-o", tmp_path / "m.h5", "-k", 2, "--batch-rows", 20, "--grid", "1x2"],
                  tmp_path / "m.h5", ["--grid", "mini-batches"], 2, status=2)


def test_forgetting_needs_batches(dense, tmp_path):
    check_refused(["fit", dense.source, "-o", tmp_path / "m.h5", "-k", 2, "--forget", 0.5], tmp_path / "m.h5",
                  ["--forget", "--batch-rows"], 1, status=2)


def test_a_source_that_has_no_rows_to_read(sparse, tmp_path):
    text = INPUTS / "ratings-5x4.csv"
    columns = tmp_path / "csc.h5"
    with h5py.File(columns, "w") as file:
        group = file.create_group("matrix")
        group.attrs["encoding-type"] = "csc_matrix"
        group.attrs["shape"] = sparse.matrix.shape
        for name in ("data", "indices", "indptr"):
            group[name] = getattr(sparse.matrix.tocsc(), name)
    for source in (text, columns):
        check_refused(["fit", source, "-o", tmp_path / "m.h5", "-k", 2, "--batch-rows", 2, "--missing", "zero"],
                      tmp_path / "m.h5", [source, "dnmf import"], 1)


def test_a_part_of_a_sparse_matrix(sparse, tmp_path):
    check_refused(["fit", sparse.source, "-o", tmp_path / "m.h5", "-k", 2, "--batch-rows", 9, "--rows", "2:50"],
                  tmp_path / "m.h5", ["sparse", "dnmf import"], 1)


def test_a_full_disk(dense, tmp_path):
    with Mount(tmp_path / "full", "size=64k") as folder:
        (folder / "filler").write_bytes(b"x" * 50_000)
        check_refused(["fit", dense.source, "-o", folder / "m.h5", "-k", 5, "--batch-rows", 20, "--max-iter", 1],
                      folder / "m.h5", ["m.h5"], 2)
        assert os.listdir(folder) == ["filler"]
