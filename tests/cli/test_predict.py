"""predict, evaluate and --validation FILE, against numpy on the factors that h5py reads and scikit-learn's metrics."""
import csv
import collections
import math

import h5py
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from program import run

SOME_PROCESSES = [1, 2, 3]
ROW_NAMES = ["Zoë", "007", "7", "a,b", 'q"q', "x y", "李", "u8", "u9", "u10", "u11", "u12"]
COL_NAMES = ["12", "0012", "film é", "m4", "m5", "m6", "m7", "m8", "m9"]


def write_triples(path, triples, header="user,item,rating"):
    with open(path, "w", newline="", encoding="utf-8") as file:
        file.write(header + "\n")
        csv.writer(file, lineterminator="\n").writerows(triples)
    return path


def read_scores(path):
    with open(path, newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["row", "column", "score"]
    return [(row, col, float(score)) for row, col, score in lines[1:]]


class Model:
    """What the model file holds, and the documented formula."""

    def __init__(self, path):
        with h5py.File(path) as file:
            self.w, self.h = file["W"][:], file["H"][:]
            self.rows = [self.name(x) for x in file["row_ids"][:]] if "row_ids" in file else None
            self.cols = [self.name(x) for x in file["col_ids"][:]] if "col_ids" in file else None
            self.biased = "bias" in file
            self.constant = float(file["bias/mean"][()].item()) if self.biased else 0.0
            self.row_bias = file["bias/row"][:] if self.biased else np.zeros(len(self.w))
            self.col_bias = file["bias/col"][:] if self.biased else np.zeros(self.h.shape[1])
            self.attributes = dict(file.attrs)
            self.average = [file[name][:] if name in file else None for name in ("mean_row", "mean_col")]
        self.level = self.attributes.get("level", 0)
        self.mean = self.attributes["mean"]

    @staticmethod
    def name(value):
        return value.decode() if isinstance(value, bytes) else str(value)

    def index(self, row, col):
        i = self.rows.index(str(row)) if str(row) in self.rows else None
        j = self.cols.index(str(col)) if str(col) in self.cols else None
        return i, j

    def knows(self, row, col):
        return None not in self.index(row, col)

    def side(self, at, factor, bias, side):
        """Of a row (side 0) or column: its factor and stored bias, an unknown one's those of one like others."""
        if at is not None:
            return factor[at], bias[at]
        return self.average[side], self.attributes.get(("unknown_row_bias", "unknown_col_bias")[side], 0)

    def bias(self, at, factor, stored):
        """What a stored number stands for: the level's share of the product is in it. 0 of an unknown row."""
        return 0 if at is None else stored[at] + self.level * factor[at].sum()

    def score(self, row, col, unknown="average", clip=True):
        i, j = self.index(row, col)
        if (i is None or j is None) and (unknown != "average" or self.average[0] is None):
            score = self.mean
            if unknown != "mean":
                score += self.bias(i, self.w, self.row_bias) + self.bias(j, self.h.T, self.col_bias)
        else:
            w, row_bias = self.side(i, self.w, self.row_bias, 0)
            h, col_bias = self.side(j, self.h.T, self.col_bias, 1)
            score = self.constant + row_bias + col_bias + w @ h
        if clip:
            score = min(max(score, self.attributes["smallest"]), self.attributes["largest"])
        return score


@pytest.fixture(scope="module")
def ratings():
    """Half stars, about two thirds of the table."""
    random = np.random.default_rng(4)
    return [(row, col, 0.5 * random.integers(1, 11)) for row in ROW_NAMES for col in COL_NAMES
            if random.random() < 0.67]


@pytest.fixture(scope="module")
def model(folder, ratings):
    path = folder / "model.h5"
    run(["fit", write_triples(folder / "ratings.csv", ratings), "-o", path, "-k", 3, "--l2", 0.02, "--quiet"])
    return path


@pytest.fixture(scope="module")
def pairs(folder):
    """Every pair, in no order, and some that the model has not seen."""
    everything = [(row, col) for row in ROW_NAMES + ["nobody", "07"] for col in COL_NAMES + ["no film"]]
    order = np.random.default_rng(1).permutation(len(everything))
    listed = [everything[i] for i in order]
    return listed, write_triples(folder / "pairs.csv", listed, "user,item")


@pytest.mark.parametrize("processes", SOME_PROCESSES)
@pytest.mark.parametrize("unknown", ["average", "bias", "mean"])
@pytest.mark.parametrize("clip", [True, False])
def test_scores_are_the_formula_in_file_order(model, pairs, tmp_path, processes, unknown, clip):
    listed, path = pairs
    result = run(["predict", model, path, "-o", tmp_path / "scores.csv", "--unknown", unknown, "--json",
                  "--clip" if clip else "--no-clip"], processes).json
    scores = read_scores(tmp_path / "scores.csv")
    oracle = Model(model)
    assert [(row, col) for row, col, _ in scores] == listed
    assert [score for _, _, score in scores] == pytest.approx(
        [oracle.score(row, col, unknown, clip) for row, col in listed], abs=1e-12)
    assert result["pairs"] == result["written"] == len(listed)
    assert result["unknown"] == sum(not oracle.knows(row, col) for row, col in listed) > 0


def test_the_file_is_the_same_on_any_number_of_processes(model, pairs, tmp_path):
    for processes in SOME_PROCESSES:
        run(["predict", model, pairs[1], "-o", tmp_path / f"{processes}.csv"], processes)
    assert len({(tmp_path / f"{processes}.csv").read_bytes() for processes in SOME_PROCESSES}) == 1


@pytest.mark.parametrize("processes", SOME_PROCESSES)
def test_unknown_nan_is_written_as_nan(model, pairs, tmp_path, processes):
    run(["predict", model, pairs[1], "-o", tmp_path / "scores.csv", "--unknown", "nan"], processes)
    oracle = Model(model)
    for row, col, score in read_scores(tmp_path / "scores.csv"):
        assert math.isnan(score) == (not oracle.knows(row, col))


@pytest.mark.parametrize("processes", SOME_PROCESSES)
def test_unknown_drop_leaves_lines_out(model, pairs, tmp_path, processes):
    listed, path = pairs
    result = run(["predict", model, path, "-o", tmp_path / "scores.csv", "--unknown", "drop", "--json"], processes)
    oracle = Model(model)
    kept = [pair for pair in listed if oracle.knows(*pair)]
    assert [(row, col) for row, col, _ in read_scores(tmp_path / "scores.csv")] == kept
    assert result.json["written"] == len(kept)


@pytest.mark.parametrize("processes", SOME_PROCESSES)
def test_unknown_error_names_the_first_id_and_line(model, pairs, tmp_path, processes):
    listed, path = pairs
    result = run(["predict", model, path, "-o", tmp_path / "scores.csv", "--unknown", "error"], processes, expect=1)
    oracle = Model(model)
    first = next(n for n, pair in enumerate(listed) if not oracle.knows(*pair))
    row, col = listed[first]
    what = f"row id {row}" if row not in oracle.rows else f"column id {col}"
    assert len(result.messages) == 1
    assert f"line {first + 2}: the {what} is not in" in result.messages[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("processes", SOME_PROCESSES)
def test_hdf5_output(model, pairs, tmp_path, processes):
    listed, path = pairs
    run(["predict", model, path, "-o", tmp_path / "scores.h5", "--unknown", "drop"], processes)
    oracle = Model(model)
    kept = [pair for pair in listed if oracle.knows(*pair)]
    with h5py.File(tmp_path / "scores.h5") as file:
        assert [tuple(map(bytes.decode, pair)) for pair in zip(file["row"][:], file["col"][:])] == kept
        assert file["score"][:] == pytest.approx([oracle.score(*pair) for pair in kept], abs=1e-12)


def test_nothing_is_left_to_write(model, tmp_path):
    path = write_triples(tmp_path / "pairs.csv", [("nobody", "nothing")], "user,item")
    for name in ("scores.csv", "scores.h5"):
        run(["predict", model, path, "-o", tmp_path / name, "--unknown", "drop"], 2)
    assert read_scores(tmp_path / "scores.csv") == []
    with h5py.File(tmp_path / "scores.h5") as file:
        assert file["score"].shape == (0,)


@pytest.mark.parametrize("processes", SOME_PROCESSES)
def test_one_pair_is_printed(model, processes):
    result = run(["predict", model, "--row", "007", "--col", "film é"], processes)
    assert float(result.stdout) == pytest.approx(Model(model).score("007", "film é"), abs=1e-8)
    result = run(["predict", model, "--row", "07", "--col", "12", "--json"], processes)
    assert result.json["known"] is False
    assert "unknown" in result.stderr


def test_pairs_may_have_any_form(model, tmp_path):
    forms = {"tab": "007\t12\n7\tm4\n", "colons": "007::12\n7::m4\n", "more": "item,user,x\n12,007,8\nm4,7,9\n"}
    for name, text in forms.items():
        (tmp_path / name).write_text(text)
        run(["predict", model, tmp_path / name, "-o", tmp_path / "scores.csv"])
        assert [line[:2] for line in read_scores(tmp_path / "scores.csv")] == [("007", "12"), ("7", "m4")]


def test_usage(model, tmp_path):
    for arguments, message in [([model], "name a file of pairs"), ([model, "x.csv"], "-o OUT"),
                               ([model, "--row", "7"], "--row and --col both"),
                               ([model, "--row", "7", "--col", "12", "--clip", "--no-clip"], "not both")]:
        result = run(["predict", *arguments], expect=2)
        assert message in result.stderr
    result = run(["predict", model, tmp_path / "absent.csv", "-o", tmp_path / "o.csv"], 2, expect=1)
    assert "absent.csv" in result.messages[0]


@pytest.mark.parametrize("shrink", ["level", "zero"])
def test_rows_without_ratings_are_unknown(tmp_path, shrink):
    """Row 2 and column 3 have none: the score is the mean, the known bias and what is expected of the other."""
    mtx = "%%MatrixMarket matrix coordinate real general\n4 4 6\n"
    mtx += "1 1 4\n1 2 5\n2 1 1\n2 2 2\n4 4 3\n4 1 3\n"
    (tmp_path / "a.mtx").write_text(mtx)
    run(["fit", tmp_path / "a.mtx", "-o", tmp_path / "m.h5", "-k", 1, "--missing", "unobserved", "--quiet",
         "--shrink-to", shrink])
    oracle = Model(tmp_path / "m.h5")
    write_triples(tmp_path / "p.csv", [(2, 0), (0, 2), (2, 2), (0, 0)], "user,item")
    result = run(["predict", tmp_path / "m.h5", tmp_path / "p.csv", "-o", tmp_path / "s.csv", "--json"], 2).json
    scores = [score for _, _, score in read_scores(tmp_path / "s.csv")]
    assert result["unknown"] == 3
    row, col = (oracle.attributes.get(f"{side}_bias_at_none", 0) for side in ("row", "col"))
    assert (row, col) != (0, 0) or shrink == "zero"
    if shrink == "level":  # by the mean row, weighted by counts; a column like others has no deviations
        counts = np.array([2, 2, 0, 2])
        mean_row, row = counts @ oracle.w / 6, counts @ oracle.row_bias / 6
        unknown = oracle.level * mean_row.sum() + row + col
        expected = [oracle.constant + row + oracle.col_bias[0] + mean_row @ oracle.h[:, 0],
                    oracle.mean + oracle.bias(0, oracle.w, oracle.row_bias) + col, oracle.mean + unknown]
    else:
        expected = oracle.mean + np.array([oracle.col_bias[0], oracle.row_bias[0], 0])
    assert scores[:3] == pytest.approx(np.clip(expected, 1, 5), abs=1e-12)


def test_a_model_with_zeros_is_not_clipped(tmp_path):
    (tmp_path / "a.csv").write_text(",c0,c1,c2\nr0,5,3,0\nr1,4,0,0\nr2,1,1,0\n")
    run(["fit", tmp_path / "a.csv", "-o", tmp_path / "m.h5", "-k", 2, "--quiet"])
    oracle = Model(tmp_path / "m.h5")
    assert oracle.mean == pytest.approx(14 / 9)
    for row, col in [("r0", "c0"), ("r1", "c1"), ("r2", "c2"), ("new", "c0")]:
        printed = float(run(["predict", tmp_path / "m.h5", "--row", row, "--col", col]).stdout)
        assert printed == pytest.approx(oracle.score(row, col, clip=False), abs=1e-8)
    assert "--clip" in run(["predict", tmp_path / "m.h5", "--row", "r0", "--col", "c0", "--clip"], expect=2).stderr


def fcp(rows):
    """Surprise's: means of concordant and of discordant pairs over the rows that have some."""
    concordant, discordant = [], []
    for values, scores in rows:
        up = sum(s > t and v > u for v, s in zip(values, scores) for u, t in zip(values, scores))
        down = sum(s >= t and v < u for v, s in zip(values, scores) for u, t in zip(values, scores))
        concordant += [up] if up else []
        discordant += [down] if down else []
    up, down = (np.mean(x) if x else 0 for x in (concordant, discordant))
    return up / (up + down)


def metrics(rows, n, relevant):
    """From (values, scores) of each row; no two scores of a row are equal."""
    means = collections.defaultdict(list)
    for values, scores in rows:
        values, scores = np.array(values), np.array(scores)
        good = values >= relevant
        first = np.argsort(-scores)[:n]
        means["precision"].append(good[first].mean())
        if good.any():
            means["recall"].append(good[first].sum() / good.sum())
            means["hit_rate"].append(good[first].any())
            means["map"].append(average_precision_score(good, scores))
        if len(values) > 1:
            means["ndcg"].append(ndcg_score([values], [scores], k=n))
    return {name: np.mean(values) for name, values in means.items()}


def check_evaluation(result, oracle, test, policy, relevant):
    kept = [(row, col, value) for row, col, value in test if policy != "drop" or oracle.knows(row, col)]
    errors = np.array([oracle.score(row, col, policy) - value for row, col, value in kept])
    known = sum(oracle.knows(row, col) for row, col, _ in test)
    assert result["n"] == len(kept)
    assert result["rmse"] == pytest.approx(np.sqrt(np.mean(errors ** 2)), abs=1e-12)
    assert result["mae"] == pytest.approx(np.mean(np.abs(errors)), abs=1e-12)
    assert result["coverage"] == pytest.approx(known / len(test))
    rows = collections.defaultdict(lambda: ([], []))
    for row, col, value in kept:
        rows[row][0].append(value)
        rows[row][1].append(oracle.score(row, col, policy, clip=False))
    assert result["fcp"] == pytest.approx(fcp(rows.values()), abs=1e-12)
    for n in (2, 10):
        expected = metrics(rows.values(), n, relevant)
        assert result["map"] == pytest.approx(expected.pop("map"), abs=1e-12)
        for name, value in expected.items():
            assert result[f"{name}@{n}"] == pytest.approx(value, abs=1e-12), name


@pytest.fixture(scope="module")
def test_set(folder, ratings):
    random = np.random.default_rng(8)
    seen = {(row, col) for row, col, _ in ratings}
    unseen = [(row, col) for row in ROW_NAMES for col in COL_NAMES if (row, col) not in seen]
    triples = [(row, col, 0.5 * random.integers(1, 11)) for row, col in unseen]
    triples += [("u8", "no film", 3.5), ("nobody", "m4", 5), ("nobody", "m5", 1)]
    return triples, write_triples(folder / "test.csv", triples)


@pytest.mark.parametrize("processes", SOME_PROCESSES)
@pytest.mark.parametrize("policy", ["bias", "drop"])
def test_metrics(model, test_set, processes, policy):
    triples, path = test_set
    result = run(["evaluate", model, path, "--unknown", policy, "--at", "2,10", "--relevant", 3.5, "--json"],
                 processes).json
    check_evaluation(result, Model(model), triples, policy, 3.5)


@pytest.mark.parametrize("processes", SOME_PROCESSES)
def test_the_test_set_may_be_hdf5(model, test_set, tmp_path, processes):
    triples, path = test_set
    run(["import", path, "-o", tmp_path / "test.h5"])
    result = run(["evaluate", model, tmp_path / "test.h5", "--at", "2,10", "--json"], processes).json
    oracle = Model(model)
    assert result["relevant"] == pytest.approx(oracle.mean)
    check_evaluation(result, oracle, triples, "average", oracle.mean)


def test_numbers_match_names_that_look_like_them(model, tmp_path):
    """The test's ids are all integers; the model's are strings, of which "7" and "12" match and "007" does not."""
    path = write_triples(tmp_path / "test.csv", [(7, 12, 3), (8, 12, 3)])
    result = run(["evaluate", model, path, "--json"]).json
    assert (result["entries"], result["coverage"]) == (2, 0.5)


def test_evaluate_refuses(model, test_set):
    assert "drop" in run(["evaluate", model, test_set[1], "--unknown", "nan"], expect=2).stderr
    assert "--at 0" in run(["evaluate", model, test_set[1], "--at", "0"], expect=2).stderr
    messages = run(["evaluate", model, test_set[1], "--unknown", "error"], 2, expect=1).messages
    assert len(messages) == 1 and "row id nobody" in messages[0]


def test_a_figure_in_which_no_row_takes_part_is_none(model, tmp_path):
    path = write_triples(tmp_path / "test.csv", [(7, 12, 3)])
    result = run(["evaluate", model, path, "--json"])
    assert result.json["fcp"] is None
    said = run(["evaluate", model, path]).stdout
    assert "FCP        none" in said and "nan" not in said, said


@pytest.mark.parametrize("processes", SOME_PROCESSES)
def test_validation_file(folder, ratings, test_set, tmp_path, processes):
    triples, path = test_set
    result = run(["fit", folder / "ratings.csv", "-o", tmp_path / "m.h5", "-k", 2, "--validation", path, "--json"],
                 processes)
    assert "3 of" in result.stderr and "1 rows and 1 columns" in result.stderr
    oracle = Model(tmp_path / "m.h5")
    known = [(row, col, value) for row, col, value in triples if oracle.knows(row, col)]
    errors = [oracle.score(row, col) - value for row, col, value in known]
    assert result.json["validation_rmse"] == pytest.approx(np.sqrt(np.mean(np.square(errors))), abs=1e-9)
    assert result.json["stored"] == len(ratings)


def test_validation_file_of_strangers(folder, tmp_path):
    path = write_triples(tmp_path / "v.csv", [("nobody", "nothing", 3)])
    result = run(["fit", folder / "ratings.csv", "-o", tmp_path / "m.h5", "-k", 2, "--validation", path], 2, expect=1)
    assert "none of its 1 ratings" in result.messages[0]
    assert not (tmp_path / "m.h5").exists()


def test_movielens(data, tmp_path):
    run(["fit", data / "ml-100k/u1.base", "-o", tmp_path / "m.h5", "-k", 20, "--quiet"], 2)
    result = run(["evaluate", tmp_path / "m.h5", data / "ml-100k/u1.test", "--json"], 2).json
    assert result["n"] == 20000
    assert result["rmse"] < 0.95
    oracle = Model(tmp_path / "m.h5")
    test = [line.split("\t")[:3] for line in (data / "ml-100k/u1.test").read_text().splitlines()]
    errors = [oracle.score(row, col) - float(value) for row, col, value in test]
    assert result["rmse"] == pytest.approx(np.sqrt(np.mean(np.square(errors))), abs=1e-12)
