"""The fits compared. Each times one and gives the seconds of an iteration.

dnmf tells the seconds of its own loop. The others' are the difference between a long and a short fit, so that nobody's
reading or checking of the matrix counts.
"""
import pathlib
import shutil
import subprocess
import time

import h5py
import numpy as np
import scipy.sparse
from sklearn.decomposition import non_negative_factorization

from programs import cores, run


def load(path, precision):
    dtype = np.float64 if precision == "double" else np.float32
    with h5py.File(path, "r") as file:
        matrix = file["matrix"]
        if isinstance(matrix, h5py.Dataset):
            return matrix[:].astype(dtype, copy=False)
        parts = (matrix["data"][:].astype(dtype, copy=False), matrix["indices"][:], matrix["indptr"][:])
        return scipy.sparse.csr_matrix(parts, shape=tuple(matrix.attrs["shape"]))


def launch(processes):
    """What comes before dnmf's own command."""
    if processes == 1:
        return []
    oversubscribed = ["--oversubscribe"] if processes > cores() else []
    return ["mpirun", *oversubscribed, "--bind-to", "none", "-n", str(processes)]


class Dnmf:
    """dnmf on so many processes; the cores are shared out as threads."""

    def __init__(self, program, processes, output, iterations):
        self.program, self.processes, self.output, self.iterations = program, processes, output, iterations
        self.name = f"dnmf, {processes} process{'es' * (processes > 1)}"

    def launched(self, name, work, path):
        """A command on the matrix, as far as all commands take the same options."""
        return [*launch(self.processes), self.program, name, str(path), "-k", str(work.components), "--solver",
                work.solver, "--missing", "zero", "--precision", work.precision, "--threads",
                str(max(1, cores() // self.processes)), "--quiet", "--json"]

    def command(self, work, path):
        return self.launched("fit", work, path) + ["-o", str(self.output / "model.h5"), "--tol", "0", "--max-iter",
                                                   str(self.iterations)]

    def planned(self, work, path):
        """The seconds that plan expects of an iteration, of the machine as it measures it now."""
        return run(self.launched("plan", work, path) + ["--measure"])["plans"][0]["seconds"]

    def time(self, work, path, a):
        del a
        told = run(self.command(work, path))
        parts = {name: told["iteration_seconds"][name] for name in ("product", "gram", "update", "exchange", "other")}
        return told["seconds"]["iterate"] / told["iterations"], {"memory": told.get("peak_memory"), "parts": parts}


class Sklearn:
    """scikit-learn's `cd`, the same iteration as hals."""
    name = "scikit-learn cd"

    def __init__(self, iterations):
        self.iterations = iterations

    def takes(self, work):
        return work.solver == "hals"

    def command(self, work, path):
        del work, path
        return ["non_negative_factorization(solver='cd')"]

    def time(self, work, path, a):
        del path
        random = np.random.default_rng(1)
        scale = np.sqrt(a.mean() / work.components)
        w = (scale * np.abs(random.standard_normal((a.shape[0], work.components)))).astype(a.dtype)
        h = (scale * np.abs(random.standard_normal((work.components, a.shape[1])))).astype(a.dtype)
        seconds = []
        for count in (1, 1 + self.iterations):
            began = time.perf_counter()
            non_negative_factorization(a, W=w.copy(), H=h.copy(), n_components=work.components, init="custom",
                                       solver="cd", tol=0, max_iter=count)
            seconds.append(time.perf_counter() - began)
        return (seconds[1] - seconds[0]) / self.iterations, {}


class Rcppml:
    """RcppML's nmf, of sparse matrices in double precision, through Rscript."""
    name = "RcppML"

    def __init__(self, output, iterations):
        self.folder, self.iterations = output / "rcppml", iterations
        self.written = None

    @staticmethod
    def installed():
        return shutil.which("Rscript") is not None and subprocess.run(
            ["Rscript", "-e", "library(RcppML)"], capture_output=True, check=False).returncode == 0

    def takes(self, work):
        return work.matrix == "sparse" and work.precision == "double" and work.solver == "hals"

    def command(self, work, path):
        del path
        script = pathlib.Path(__file__).with_name("rcppml.R")
        return ["Rscript", str(script), str(self.folder), str(work.components), str(self.iterations), str(cores())]

    def write(self, path, a):
        """The matrix as R takes it: compressed columns, in plain binary files."""
        if self.written == path:
            return
        self.folder.mkdir(exist_ok=True)
        columns = a.tocsc()
        np.array(columns.shape, np.int32).tofile(self.folder / "shape")
        columns.indptr.astype(np.int32).tofile(self.folder / "indptr")
        columns.indices.astype(np.int32).tofile(self.folder / "indices")
        columns.data.astype(np.float64).tofile(self.folder / "data")
        self.written = path

    def time(self, work, path, a):
        self.write(path, a)
        done = subprocess.run(self.command(work, path), stdout=subprocess.PIPE, check=True, text=True)
        return float(done.stdout.split()[-1]), {}
