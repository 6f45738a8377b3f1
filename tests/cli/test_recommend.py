"""Lists of columns against all predictions, sorted, in numpy."""
import csv

import h5py
import numpy as np
import pytest

from program import run

PROCESSES = [1, 2, 3, 4]
ROWS, COLS = 37, 131
UNRATED = [5, 77]  # columns nobody rated
SILENT = 11        # a row without ratings, known by its id alone


def row_name(i):
    return f"u{i:03d}é"


def col_name(j):
    return f"i {j:03d}"


def write_triples(path, entries):
    with open(path, "w", encoding="utf-8") as file:
        file.write("row,column,value\n")
        for i, j, value in entries:
            file.write(f"{row_name(i)},{col_name(j)},{value}\n")


@pytest.fixture(scope="module")
def ratings(tmp_path_factory):
    """Half-star ratings, zeros among them, as an HDF5 file that knows rows and columns without any."""
    folder = tmp_path_factory.mktemp("recommend")
    rng = np.random.default_rng(3)
    dense = np.where(rng.random((ROWS, COLS)) < 0.25, rng.integers(0, 11, (ROWS, COLS)) / 2, np.nan)
    dense[:, UNRATED] = np.nan
    dense[SILENT] = np.nan
    seen = ~np.isnan(dense)
    with h5py.File(folder / "ratings.h5", "w") as file:
        group = file.create_group("matrix")
        group.attrs["encoding-type"] = "csr_matrix"
        group.attrs["encoding-version"] = "0.1.0"
        group.attrs["shape"] = np.array([ROWS, COLS])
        group["data"] = dense[seen]
        group["indices"] = np.nonzero(seen)[1]
        group["indptr"] = np.concatenate([[0], np.cumsum(seen.sum(axis=1))])
        text = h5py.string_dtype()
        file.create_dataset("row_ids", data=[row_name(i) for i in range(ROWS)], dtype=text)
        file.create_dataset("col_ids", data=[col_name(j) for j in range(COLS)], dtype=text)
        file.attrs["missing"] = "unobserved"
    write_triples(folder / "shuffled.csv", [(i, j, dense[i, j]) for i, j in rng.permutation(np.argwhere(seen))])
    return folder, seen


def fit(folder, name, *options):
    run(["fit", folder / "ratings.h5", "-o", folder / name, "-k", 5, "--max-iter", 8, *options])
    with h5py.File(folder / name) as file:
        w, h = file["W"][:].astype(float), file["H"][:].astype(float)
        scores = w @ h
        facts = dict(file.attrs)
        if "bias" in file:
            scores += file["bias/mean"][:] + file["bias/row"][:][:, None] + file["bias/col"][:]
    return folder / name, scores, facts


@pytest.fixture(scope="module", params=["both", "none", "zeros", "single"])
def model(request, ratings):
    folder, _ = ratings
    options = {"both": [], "none": ["--bias", "none"], "zeros": ["--missing", "zero"],
               "single": ["--precision", "single"]}[request.param]
    return fit(folder, f"{request.param}.h5", *options)


def expected(scores, facts, seen, top, rows=None, clip=True):
    """Lines of (row, rank, column, score), columns in order of equal scores."""
    lines = []
    for i in range(ROWS) if rows is None else rows:
        candidates = [j for j in range(COLS) if not seen[i, j] and j not in UNRATED]
        candidates.sort(key=lambda j: (-scores[i, j], j))
        for rank, j in enumerate(candidates[:top], 1):
            score = scores[i, j]
            if clip and "smallest" in facts:
                score = min(max(score, facts["smallest"]), facts["largest"])
            lines.append((i, rank, j, score))
    return lines


def read_csv(path):
    with open(path, encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    return [(line["row"], int(line["rank"]), line["column"], float(line["score"])) for line in lines]


def check(lines, wanted, scores):
    """Equal but for neighbours whose scores rounding may exchange."""
    assert len(lines) == len(wanted)
    for (row, rank, col, score), (i, r, j, s) in zip(lines, wanted):
        assert (row, rank) == (row_name(i), r)
        if i == SILENT:
            continue
        found = int(col.split()[1])
        assert found == j or abs(scores[i, found] - scores[i, j]) < 1e-5
        assert score == pytest.approx(s, abs=2e-5)


@pytest.mark.parametrize("processes", PROCESSES)
def test_lists_are_the_sorted_predictions(ratings, model, processes):
    folder, seen = ratings
    path, scores, facts = model
    out = folder / f"lists{processes}.csv"
    run(["recommend", path, "--seen", folder / "ratings.h5", "-n", 7, "-o", out], processes)
    check(read_csv(out), expected(scores, facts, seen, 7), scores)


def test_bytes_are_the_same_on_any_number_of_processes(ratings, model):
    folder, _ = ratings
    files = []
    for processes in PROCESSES:
        files.append(folder / f"same{processes}.csv")
        run(["recommend", model[0], "--seen", folder / "ratings.h5", "-n", 9, "-o", files[-1]], processes)
    assert len({file.read_bytes() for file in files}) == 1


@pytest.mark.parametrize("processes", PROCESSES)
def test_seen_is_matched_by_ids_whatever_its_order(ratings, model, processes):
    folder, _ = ratings
    outs = [folder / "ordered.csv", folder / f"shuffled{processes}-out.csv"]
    run(["recommend", model[0], "--seen", folder / "ratings.h5", "-o", outs[0]])
    run(["recommend", model[0], "--seen", folder / "shuffled.csv", "-o", outs[1]], processes)
    assert outs[0].read_bytes() == outs[1].read_bytes()


@pytest.mark.parametrize("processes", PROCESSES)
def test_more_than_the_candidates_lists_all_of_them(ratings, model, processes):
    folder, seen = ratings
    path, scores, facts = model
    out = folder / "all.csv"
    run(["recommend", path, "--seen", folder / "ratings.h5", "-n", 1000, "-o", out, "--no-clip"], processes)
    check(read_csv(out), expected(scores, facts, seen, 1000, clip=False), scores)


def test_columns_without_data_are_listed_when_asked_for(ratings):
    folder, seen = ratings
    path, _, _ = fit(folder, "both.h5")
    out = folder / "with-empty.csv"
    run(["recommend", path, "--seen", folder / "ratings.h5", "-n", 1000, "-o", out, "--include-empty"])
    assert len(read_csv(out)) == (~seen).sum()


@pytest.mark.parametrize("processes", PROCESSES)
def test_chosen_rows_by_list_or_file_come_in_order(ratings, model, processes):
    folder, seen = ratings
    path, scores, facts = model
    (folder / "rows.txt").write_text("\n".join(row_name(i) for i in (30, 2)) + "\r\n", encoding="utf-8")
    for rows in (f"{row_name(30)},{row_name(2)}", folder / "rows.txt"):
        result = run(["recommend", path, "--seen", folder / "ratings.h5", "-n", 3, "--rows", rows, "--json"], processes)
        lists = [(x["row"], x["rank"], x["column"], x["score"]) for x in result.json["lists"]]
        check(lists, expected(scores, facts, seen, 3, rows=[2, 30]), scores)


@pytest.mark.parametrize("processes", PROCESSES)
def test_hdf5_holds_what_csv_holds(ratings, model, processes):
    folder, _ = ratings
    run(["recommend", model[0], "--seen", folder / "ratings.h5", "-o", folder / "x.csv"])
    run(["recommend", model[0], "--seen", folder / "ratings.h5", "-o", folder / "x.h5"], processes)
    lines = read_csv(folder / "x.csv")
    with h5py.File(folder / "x.h5") as file:
        assert [x.decode() for x in file["row"][:]] == [line[0] for line in lines]
        assert [x.decode() for x in file["col"][:]] == [line[2] for line in lines]
        assert list(file["rank"][:]) == [line[1] for line in lines]
        assert np.allclose(file["score"][:], [line[3] for line in lines], rtol=1e-6)


@pytest.mark.parametrize("processes", PROCESSES)
def test_similar_columns_are_those_of_largest_cosine(ratings, model, processes):
    folder, _ = ratings
    with h5py.File(model[0]) as file:
        h = file["H"][:].astype(float)
    length = np.linalg.norm(h, axis=0)
    cosine = h.T @ h[:, 42] / np.maximum(length * length[42], 1e-300)
    others = [j for j in range(COLS) if j != 42 and cosine[j] > 0]
    others.sort(key=lambda j: (-cosine[j], j))
    result = run(["recommend", model[0], "--similar-to", col_name(42), "-n", 8, "--json"], processes)
    found = result.json["lists"]
    assert [x["row"] for x in found] == [col_name(42)] * 8
    assert np.allclose([x["score"] for x in found], cosine[others[:8]], atol=1e-6)
    assert [x["column"] for x in found] == [col_name(j) for j in others[:8]]


def test_equal_scores_come_in_the_order_of_columns(tmp_path):
    with h5py.File(tmp_path / "flat.h5", "w") as file:
        file["W"] = np.ones((3, 2))
        file["H"] = np.ones((2, 500))
    run(["recommend", tmp_path / "flat.h5", "-n", 4, "-o", tmp_path / "flat.csv"], processes=2)
    assert read_csv(tmp_path / "flat.csv") == [(str(i), r, str(r - 1), 2.0) for i in range(3) for r in (1, 2, 3, 4)]


def test_an_unknown_row_is_named(ratings, model):
    result = run(["recommend", model[0], "--rows", "nobody"], processes=2, expect=1)
    assert result.messages == ["dnmf: error: --rows: the id nobody is not in the model"]


def test_an_ending_that_says_nothing_is_refused(ratings, model):
    run(["recommend", model[0], "-o", "lists.txt"], expect=2)


def test_all_rows_need_a_file(ratings, model):
    run(["recommend", model[0]], expect=2)
