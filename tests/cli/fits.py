"""A matrix on disk, the start the program makes for it, and fits from that start beside scikit-learn's."""
import warnings

import h5py
import scipy.sparse
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from program import grid_name, run

COMPONENTS = 4
PEERS = {"hals": "cd", "mu": "mu"}


def factors(path):
    with h5py.File(path) as file:
        return file["W"][:], file["H"][:]


def peer(matrix, start, solver, iterations, tolerance=0.0, **how):
    """scikit-learn's fit from the same start, with its own options: W, H and the estimator."""
    estimator = NMF(len(start[1]), init="custom", solver=PEERS[solver], shuffle=False, tol=tolerance,
                    max_iter=iterations, **how)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        w = estimator.fit_transform(matrix, W=start[0].copy(), H=start[1].copy())
    return w, estimator.components_, estimator


def write_hdf5(path, matrix):
    """As numpy users save a matrix, or in the AnnData layout."""
    with h5py.File(path, "w") as file:
        if not scipy.sparse.issparse(matrix):
            file["matrix"] = matrix
            return
        group = file.create_group("matrix")
        group.attrs["encoding-type"] = "csr_matrix"
        group.attrs["shape"] = matrix.shape
        for name in ("data", "indices", "indptr"):
            group[name] = getattr(matrix, name)


class Problem:
    """A matrix on disk, the start the program makes for it, and fits from that start."""

    def __init__(self, folder, matrix, components=COMPONENTS, source=None, options=()):
        self.folder = folder
        self.matrix = matrix
        self.components = components
        self.options = list(options)
        self.source = source or folder / "a.h5"
        if source is None:
            write_hdf5(self.source, matrix)
        self.start_file = folder / "start.h5"
        self.run_fit(self.start_file, ["--max-iter", 0, "--seed", 5])
        self.start = factors(self.start_file)

    def run_fit(self, output, options, grid=(1, 1)):
        return run(["fit", self.source, "-o", output, "-k", self.components, "--json", "--grid", grid_name(grid),
                    *self.options, *options], processes=grid[0] * grid[1]).json

    def fit(self, *options, grid=(1, 1)):
        """W, H and the JSON object of a fit from the start; it stops early only if `options` ask for it."""
        output = self.folder / "model.h5"
        report = self.run_fit(output, ["--init", f"file:{self.start_file}", "--tol", 0, *options], grid)
        return *factors(output), report
