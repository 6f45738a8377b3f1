"""evaluate --seen: the lists of a model against a full ranking of all unseen columns in numpy."""
import csv

import h5py
import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from program import run

ROWS, COLS = 41, 67
SILENT, UNRATED = 7, 30  # a row and a column of the model without observations
CUTS = (1, 5, 60)
RELEVANT = 3


def write_triples(path, entries):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["user", "item", "rating"])
        writer.writerows((f"u{i}", f"i{j}", value) for i, j, value in entries)
    return path


@pytest.fixture(scope="module")
def parts(folder):
    """Training and test ratings, some columns far more popular; the test has a row and a column of its own."""
    rng = np.random.default_rng(5)
    chance = np.linspace(0.9, 0.1, COLS)[rng.permutation(COLS)]
    known = rng.random((ROWS, COLS)) < chance
    known[ROWS - 1, UNRATED] = False
    values = rng.integers(1, 6, (ROWS, COLS)).astype(float)
    test = known & (rng.random((ROWS, COLS)) < 0.3)
    test[SILENT] = known[SILENT]
    test[:, UNRATED] = known[:, UNRATED]
    test[ROWS - 1] = values[ROWS - 1] < 0  # a row that has nothing to be tested on
    train = known & ~test
    held = [(i, j, values[i, j]) for i, j in np.argwhere(test)]
    held += [(0, COLS, 5), (0, COLS + 1, 4), (SILENT, COLS, 1), (ROWS, 0, 5), (ROWS, 1, 4)]
    with h5py.File(folder / "train.h5", "w") as file:
        group = file.create_group("matrix")
        group.attrs.update({"encoding-type": "csr_matrix", "encoding-version": "0.1.0"})
        group.attrs["shape"] = np.array([ROWS, COLS])
        group["data"], group["indices"] = values[train], np.nonzero(train)[1]
        group["indptr"] = np.concatenate([[0], np.cumsum(train.sum(axis=1))])
        text = h5py.string_dtype()
        file.create_dataset("row_ids", data=[f"u{i}" for i in range(ROWS)], dtype=text)
        file.create_dataset("col_ids", data=[f"i{j}" for j in range(COLS)], dtype=text)
        file.attrs["missing"] = "unobserved"
    order = rng.permutation(len(held))
    write_triples(folder / "test.csv", [held[n] for n in order])
    write_triples(folder / "train.csv", [(i, j, values[i, j]) for i, j in rng.permutation(np.argwhere(train))])
    return train, held


def scores_of(path):
    with h5py.File(path) as file:
        scores = file["W"][:] @ file["H"][:]
        if "bias" in file:
            scores = scores + file["bias/mean"][()] + file["bias/row"][:][:, None] + file["bias/col"][:]
    return scores


def figures(ranking, relevant, n):
    """Of one row: its list, the set of its relevant columns."""
    gains = np.array([j in relevant for j in ranking[:n]], float)
    most = min(n, len(relevant))
    places = np.arange(1, len(gains) + 1)
    found = gains.sum()
    return {"precision": found / n, "recall": found / most, "hit_rate": float(found > 0),
            "ndcg": (gains / np.log2(places + 1)).sum() / (1 / np.log2(np.arange(2, most + 2))).sum(),
            "map": (gains * np.cumsum(gains) / places).sum() / most,
            "mrr": max((gains / places).max(initial=0), 0), "found": found, "most": most}


def expected(train, held, scores, n):
    """The figures of the model's lists and of popularity's, by sorting everything."""
    counts = train.sum(axis=0)
    lists = {"model": [], "popular": []}
    for i in range(ROWS):
        relevant = {j for r, j, value in held if r == i and value >= RELEVANT}
        if not relevant:
            continue
        unseen = [j for j in range(COLS) if not train[i, j] and j != UNRATED]
        popular = sorted(unseen, key=lambda j: (-counts[j], j))
        ranking = popular if i == SILENT else sorted(unseen, key=lambda j: (-scores[i, j], j))
        lists["model"].append((ranking, relevant))
        lists["popular"].append((popular, relevant))
    result = {}
    for kind, ranked in lists.items():
        rows = [figures(ranking, relevant, n) for ranking, relevant in ranked]
        mean = {name: np.mean([row[name] for row in rows]) for name in rows[0]}
        mean["pooled_recall"] = sum(row["found"] for row in rows) / sum(row["most"] for row in rows)
        mean["catalogue"] = len({j for ranking, _ in ranked for j in ranking[:n]}) / COLS
        result[kind] = {name: value for name, value in mean.items() if name not in ("found", "most")}
    return result, lists["model"]


@pytest.fixture(scope="module", params=["ratings", "no-bias", "zeros", "single"])
def model(request, folder, parts):
    options = {"ratings": [], "no-bias": ["--bias", "none"], "zeros": ["--missing", "zero"],
               "single": ["--precision", "single"]}[request.param]
    path = folder / f"{request.param}.h5"
    run(["fit", folder / "train.h5", "-o", path, "-k", 4, "--max-iter", 9, "--quiet", *options])
    return path


@pytest.mark.parametrize("processes, seen", [(1, "train.h5"), (3, "train.csv")])
def test_figures_are_those_of_a_full_ranking(folder, parts, model, processes, seen):
    train, held = parts
    result = run(["evaluate", model, folder / "test.csv", "--seen", folder / seen, "--relevant", RELEVANT, "--at",
                  ",".join(map(str, CUTS)), "--json"], processes).json
    for n in CUTS:
        wanted, ranked = expected(train, held, scores_of(model), n)
        for name, value in wanted["model"].items():
            assert result[f"{name}@{n}"] == pytest.approx(value, abs=1e-12), name
        for name, value in wanted["popular"].items():
            assert result["popular"][f"{name}@{n}"] == pytest.approx(value, abs=1e-12), name
    assert result["relevant_rows"] == len(ranked)
    assert result["relevant_entries"] == sum(len(relevant) for _, relevant in ranked)
    assert result["relevant_unknown_columns"] == 2
    assert result["relevant_unknown_rows"] == 1
    assert result["popular_rows"] == 1
    assert result["ranked"] == "all unseen columns"


def test_ndcg_is_scikit_learns_over_the_unseen_columns(folder, parts):
    """Of rows whose relevant entries are all in columns of the model: the others miss one that scikit-learn never saw."""
    train, held = parts
    run(["fit", folder / "train.h5", "-o", folder / "m.h5", "-k", 4, "--max-iter", 9, "--quiet"])
    scores = scores_of(folder / "m.h5")
    inside = [(i, j, value) for i, j, value in held if i < ROWS and j not in (UNRATED, COLS, COLS + 1) and i != SILENT]
    write_triples(folder / "inside.csv", inside)
    result = run(["evaluate", folder / "m.h5", folder / "inside.csv", "--seen", folder / "train.h5", "--relevant",
                  RELEVANT, "--at", "5,60", "--json"]).json
    for n in (5, 60):
        values = []
        for i in range(ROWS):
            unseen = [j for j in range(COLS) if not train[i, j] and j != UNRATED]
            truth = [float(any((r, c) == (i, j) and v >= RELEVANT for r, c, v in inside)) for j in unseen]
            if any(truth):
                values.append(ndcg_score([truth], [scores[i, unseen]], k=n))
        assert result[f"ndcg@{n}"] == pytest.approx(np.mean(values), abs=1e-12)


def test_equal_scores_are_ranked_in_the_order_of_columns(tmp_path):
    with h5py.File(tmp_path / "flat.h5", "w") as file:
        file["W"], file["H"] = np.ones((3, 1)), np.ones((1, 9))
        file.attrs["missing"] = "zero"
    (tmp_path / "test.csv").write_text("row,column,value\n0,4,1\n1,2,1\n2,8,1\n")
    (tmp_path / "train.csv").write_text("row,column,value\n0,0,1\n0,1,1\n1,0,1\n1,3,1\n2,1,1\n")
    result = run(["evaluate", tmp_path / "flat.h5", tmp_path / "test.csv", "--seen", tmp_path / "train.csv",
                  "--relevant", 1, "--at", 9, "--json"], 2).json
    assert result["mrr@9"] == pytest.approx(np.mean([1 / 3, 1 / 2, 1 / 8]))


def test_what_is_ranked_is_said(folder, parts):
    run(["fit", folder / "train.h5", "-o", folder / "m.h5", "-k", 4, "--max-iter", 9, "--quiet"])
    own = run(["evaluate", folder / "m.h5", folder / "test.csv"])
    assert "only the entries that each of" in own.stderr + own.stdout
    seen = run(["evaluate", folder / "m.h5", folder / "train.csv", "--seen", folder / "train.csv"])
    assert "are in" in seen.stderr and "count as missed" in seen.stderr


def test_a_model_of_zeros_asks_what_is_relevant(folder, parts):
    run(["fit", folder / "train.h5", "-o", folder / "z.h5", "-k", 2, "--missing", "zero", "--quiet"])
    for more in ([], ["--seen", folder / "train.h5"]):
        assert "--relevant" in run(["evaluate", folder / "z.h5", folder / "test.csv", *more], 2, expect=2).messages[0]


def test_one_column_of_each_row_may_be_left_for_the_test(tmp_path):
    """Without a header, numbers as column ids: for a model these are no table of one column."""
    left = [(f"u{u}", u % 5 + 1) for u in range(12)]
    (tmp_path / "train.csv").write_text("".join(f"u{u},{m}\n" for u in range(12) for m in range(1, 7) if (u + m) % 3))
    (tmp_path / "test.csv").write_text("".join(f"{row},{col}\n" for row, col in left))
    run(["fit", tmp_path / "train.csv", "--implicit", "-k", 2, "-o", tmp_path / "m.h5"])
    told = run(["evaluate", tmp_path / "m.h5", tmp_path / "test.csv", "--seen", tmp_path / "train.csv", "--json"]).json
    assert told["entries"] == len(left) and 0 < told["rows"] <= len(left)
