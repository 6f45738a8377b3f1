"""One small good file of each format, and how numpy, scipy and h5py read it.

    samples.py FOLDER      writes them all, sorted into a folder for each fuzz target
"""
import gzip
import io
import lzma
import pathlib
import subprocess
import sys

import h5py
import numpy as np
import scipy.io
import scipy.sparse

ROWS, COLS = 6, 5
STRING = h5py.string_dtype()


def table():
    """Small whole numbers with zeros, the same every time."""
    numbers = np.random.default_rng(5).integers(1, 9, (ROWS, COLS)) * np.random.default_rng(6).integers(
        0, 2, (ROWS, COLS))
    numbers[0, 0] = numbers[-1, -1] = 3
    return numbers.astype(float)


def row_names():
    return [f"row{i}" for i in range(ROWS)]


def col_names():
    return [f"col{j}" for j in range(COLS)]


def hdf5(write):
    """The bytes of a file that `write` fills."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        write(file)
    return buffer.getvalue()


def dense(file):
    file["matrix"] = table()
    file.create_dataset("row_ids", data=row_names(), dtype=STRING)
    file["col_ids"] = np.array(col_names(), "S8")


def chunked(file):
    file.create_dataset("m", data=table(), chunks=(2, 3), compression="gzip", shuffle=True, fletcher32=True)


def lzf(file):
    file.create_dataset("m", data=table().astype("f4"), chunks=(3, 5), compression="lzf")


def put_sparse(group, matrix):
    for name in ("data", "indices", "indptr"):
        group[name] = getattr(matrix, name)


def put_group(file, name, matrix, kind):
    group = file.create_group(name)
    put_sparse(group, matrix)
    group.attrs["encoding-type"] = kind
    group.attrs["encoding-version"] = "0.1.0"
    group.attrs["shape"] = matrix.shape


def csr(file):
    put_group(file, "matrix", scipy.sparse.csr_matrix(table()), "csr_matrix")


def csc(file):
    put_group(file, "matrix", scipy.sparse.csc_matrix(table()), "csc_matrix")


def anndata(file):
    """The layout since 0.8, with a categorical index of the observations."""
    put_group(file, "X", scipy.sparse.csr_matrix(table()), "csr_matrix")
    obs, var = file.create_group("obs"), file.create_group("var")
    obs.attrs["_index"] = var.attrs["_index"] = "name"
    names = obs.create_group("name")
    names.attrs["encoding-type"] = "categorical"
    names["codes"] = np.arange(ROWS, dtype="i1")[::-1]
    names.create_dataset("categories", data=row_names(), dtype=STRING)
    var.create_dataset("name", data=col_names(), dtype=STRING)


def tenx(file):
    """Cell Ranger 3: cells are columns in the file."""
    matrix = scipy.sparse.csc_matrix(table())
    group = file.create_group("matrix")
    put_sparse(group, matrix)
    group["shape"] = matrix.shape
    group["barcodes"] = np.array(col_names(), "S8")
    group.create_group("features")["id"] = np.array(row_names(), "S8")


def matlab(file):
    file["m"] = table().T
    file["m"].attrs["MATLAB_class"] = np.bytes_("double")


def matlab_sparse(file):
    matrix = scipy.sparse.csc_matrix(table())
    group = file.create_group("s")
    group.attrs["MATLAB_class"] = np.bytes_("double")
    group.attrs["MATLAB_sparse"] = np.uint64(ROWS)
    group["data"], group["ir"], group["jc"] = matrix.data, matrix.indices.astype("u8"), matrix.indptr.astype("u8")


def model(file):
    file["W"], file["H"] = np.ones((ROWS, 2)), np.ones((2, COLS))
    file.create_dataset("row_ids", data=row_names(), dtype=STRING)
    file["bias/mean"], file["bias/row"], file["bias/col"] = np.full(1, 2.0), np.zeros(ROWS), np.zeros(COLS)
    file["observed/row"], file["mean_row"] = np.full(ROWS, 3), np.ones(2)
    file["history/objective"] = np.arange(4.0)
    file.attrs["version"], file.attrs["components"], file.attrs["tol"] = "0", 2, 1e-4


def saved(write, *arguments, **named):
    buffer = io.BytesIO()
    write(buffer, *arguments, **named)
    return buffer.getvalue()


def npz(kind, compressed):
    return saved(scipy.sparse.save_npz, scipy.sparse.coo_matrix(table()).asformat(kind), compressed=compressed)


def matrix_market(matrix, symmetry="general"):
    return saved(scipy.io.mmwrite, matrix, symmetry=symmetry)


def triples():
    return ("user,item,rating\n" + "".join(
        f'"r{i}",c{j},{table()[i, j]:g}\n' for i, j in np.argwhere(table() > 0))).encode()


def csv():
    lines = ["," + ",".join(col_names())]
    lines += [name + "," + ",".join(f"{v:g}" for v in row) for name, row in zip(row_names(), table())]
    return ("\n".join(lines) + "\n").encode()


def svmlight():
    return "".join(f"{i % 2} qid:{i} " + " ".join(f"{j + 1}:{v:g}" for j, v in enumerate(row) if v) + "\n"
                   for i, row in enumerate(table())).encode()


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c", "--check"], input=data, stdout=subprocess.PIPE, check=True).stdout


def everything():
    """Bytes by file name; what comes before the slash is the fuzz target."""
    square = scipy.sparse.coo_matrix(table()[:COLS] + table()[:COLS].T)
    files = {f"hdf5/{write.__name__}.h5": hdf5(write)
             for write in (dense, chunked, lzf, csr, csc, anndata, tenx, matlab, matlab_sparse, model)}
    files |= {
        "npy/c.npy": saved(np.save, table()),
        "npy/fortran.npy": saved(np.save, np.asfortranarray(table()).astype(">f4")),
        "npy/bytes.npy": saved(np.save, table().astype("u1")),
        "npz/dense.npz": saved(np.savez, a=table(), note="text"),
        "npz/csr.npz": npz("csr", False),
        "npz/csc.npz": npz("csc", True),
        "npz/coo.npz": npz("coo", True),
        "matrix_market/coordinate.mtx": matrix_market(scipy.sparse.coo_matrix(table())),
        "matrix_market/symmetric.mtx": matrix_market(square, "symmetric"),
        "matrix_market/pattern.mtx": b"%%MatrixMarket matrix coordinate pattern general\n%\n3 2 2\n1 1\n3 2\n",
        "matrix_market/array.mtx": matrix_market(table()),
        "text/triples.csv": triples(),
        "text/movielens.dat": triples().split(b"\n", 1)[1].replace(b",", b"::").replace(b'"', b""),
        "text/table.csv": csv(),
        "text/table.tsv": csv().replace(b",", b"\t"),
        "text/rows.svm": svmlight(),
        "text/triples.csv.gz": gzip.compress(triples(), mtime=0),
        "text/triples.csv.zst": zstd(triples()),
        "text/triples.csv.xz": lzma.compress(triples()),
    }
    return files


def write(folder):
    for name, data in everything().items():
        path = pathlib.Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    write(sys.argv[1])
