"""Lists of columns against all predictions, sorted, in numpy; of rows without data against popularity."""
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
    return [(line["row"], int(line["rank"]), line["column"], float(line["score"] or "nan")) for line in lines]


def check(lines, wanted, scores):
    """Equal but for neighbours whose scores rounding may exchange; see popular for the row without ratings."""
    assert len(lines) == len(wanted)
    for (row, rank, col, score), (i, r, j, s) in zip(lines, wanted):
        assert (row, rank) == (row_name(i), r)
        if i == SILENT:
            assert np.isnan(score)
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
    assert [line[2] for line in read_csv(out) if line[0] == row_name(SILENT)] == popular(seen)[:7]


def popular(seen, among=range(COLS)):
    """Columns by their number of observations, equal ones in order, as a row that has seen nothing is listed them."""
    counts = seen.sum(axis=0)
    return [col_name(j) for j in sorted(among, key=lambda j: (-counts[j], j)) if counts[j] > 0]


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
        assert np.allclose(file["score"][:], [line[3] for line in lines], rtol=1e-6, equal_nan=True)


@pytest.mark.parametrize("processes", PROCESSES)
def test_similar_columns_are_those_of_largest_cosine(ratings, model, processes):
    folder, _ = ratings
    with h5py.File(model[0]) as file:
        h = file["H"][:].astype(float) - file.attrs.get("level", 0)  # what all columns have tells no two apart
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


def test_rows_that_the_model_does_not_have_are_listed_the_popular_columns(ratings, model):
    """After the rows that it has, in the order they are named."""
    folder, seen = ratings
    processes = 3
    out = folder / "strangers.csv"
    rows = f"nobody,{row_name(2)},some one"
    run(["recommend", model[0], "--seen", folder / "ratings.h5", "--rows", rows, "-n", 3, "-o", out], processes)
    lines = read_csv(out)
    assert [line[0] for line in lines] == [row_name(2)] * 3 + ["nobody"] * 3 + ["some one"] * 3
    check(lines[:3], expected(model[1], model[2], seen, 3, rows=[2]), model[1])
    assert [line[2] for line in lines[3:]] == 2 * popular(seen)[:3]
    assert all(np.isnan(line[3]) for line in lines[3:])
    run(["recommend", model[0], "--seen", folder / "ratings.h5", "--rows", rows, "-n", 3, "-o", folder / "s.h5"],
        processes)
    with h5py.File(folder / "s.h5") as file:
        assert [x.decode() for x in file["row"][:]] == [line[0] for line in lines]
        assert list(np.isnan(file["score"][:])) == 3 * [False] + 6 * [True]


def test_where_nothing_is_counted_an_unknown_row_is_named(ratings):
    folder, _ = ratings
    path, _, _ = fit(folder, "zeros.h5", "--missing", "zero")
    result = run(["recommend", path, "--rows", "nobody"], processes=2, expect=1)
    assert result.messages == ["dnmf: error: --rows: the id nobody is not in the model"]
    assert "--seen" in run(["recommend", path, "--min-count", 2], expect=2).messages[0]


def test_candidates_and_columns_with_enough_observations(ratings, model):
    folder, seen = ratings
    processes = 3
    path, scores, facts = model
    among = [j for j in range(0, COLS, 2) if seen[:, j].sum() >= 9]
    (folder / "candidates.txt").write_text("\n".join(map(col_name, range(0, COLS, 2))), encoding="utf-8")
    run(["recommend", path, "--seen", folder / "ratings.h5", "--cols", folder / "candidates.txt", "--min-count", 9,
         "-n", 200, "-o", folder / "among.csv"], processes)
    lines = read_csv(folder / "among.csv")
    hidden = seen.copy()
    hidden[:, [j for j in range(COLS) if j not in among]] = True
    check(lines, expected(scores, facts, hidden, 200), scores)
    assert [line[2] for line in lines if line[0] == row_name(SILENT)] == popular(seen, among)
    similar = run(["recommend", path, "--similar-to", col_name(42), "--seen", folder / "ratings.h5", "-n", 200,
                   "--min-count", 9, "--json"], processes).json["lists"]
    assert all(x["observations"] == seen[:, int(x["column"].split()[1])].sum() >= 9 for x in similar) and similar


@pytest.mark.parametrize("processes", [1, 2])
def test_titles_come_with_ids_from_columns_named_or_numbered(ratings, processes):
    folder, _ = ratings
    model = fit(folder, "both.h5")
    titled = [j for j in range(COLS) if j % 3]
    with open(folder / "titles.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["year", "the title", "item"])
        writer.writerows([1990 + j, f'"{j}", né, film', col_name(j)] for j in titled)
    for columns in ("item,the title", "3,2"):
        run(["recommend", model[0], "--seen", folder / "ratings.h5", "-n", 5, "--labels", folder / "titles.csv",
             "--label-columns", columns, "-o", folder / "titled.csv"], processes)
        run(["recommend", model[0], "--seen", folder / "ratings.h5", "-n", 5, "--labels", folder / "titles.csv",
             "--label-columns", columns, "-o", folder / "titled.h5"], processes)
        with open(folder / "titled.csv", encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        for line in lines:
            j = int(line["column"].split()[1])
            assert line["label"] == (f'"{j}", né, film' if j in titled else col_name(j))
        with h5py.File(folder / "titled.h5") as file:
            assert [x.decode() for x in file["label"][:]] == [line["label"] for line in lines]
    shown = run(["recommend", model[0], "--seen", folder / "ratings.h5", "--rows", row_name(3), "-n", 2, "--labels",
                 folder / "titles.csv", "--label-columns", "item,the title", "--json"], processes)
    assert all(line["label"] in shown.stderr for line in shown.json["lists"])
    assert "no column called film" in run(["recommend", model[0], "--labels", folder / "titles.csv", "--label-columns",
                                           "item,film"], expect=1).messages[0]


def test_new_rows_are_listed_as_if_transformed_first(ratings, model):
    folder, _ = ratings
    processes = 3
    entries = [("x1", 3, 5), ("x1", 9, 0.5), ("x1", 50, 4), ("x2", 100, 3), ("x2", 2, 5), ("x3", 3, 1)]
    with open(folder / "new.csv", "w", encoding="utf-8") as file:
        file.write("row,column,value\n" + "".join(f"{i},{col_name(j)},{value}\n" for i, j, value in entries))
    run(["recommend", model[0], "--new", folder / "new.csv", "-n", 6, "-o", folder / "at-once.csv"], processes)
    run(["transform", model[0], folder / "new.csv", "-o", folder / "moved.h5"])
    run(["recommend", folder / "moved.h5", "--seen", folder / "new.csv", "-n", 6, "-o", folder / "in-two.csv"])
    at_once, in_two = read_csv(folder / "at-once.csv"), read_csv(folder / "in-two.csv")
    assert [line[:3] for line in at_once] == [line[:3] for line in in_two] and len(at_once) == 18
    assert np.allclose([line[3] for line in at_once], [line[3] for line in in_two], rtol=1e-6)
    assert "leave --seen out" in run(["recommend", model[0], "--new", folder / "new.csv", "--seen",
                                      folder / "new.csv"], expect=2).messages[0]


def test_an_ending_that_says_nothing_is_refused(ratings, model):
    run(["recommend", model[0], "-o", "lists.txt"], expect=2)


def test_without_a_file_the_first_rows_are_shown(ratings, model):
    folder, seen = ratings
    result = run(["recommend", model[0], "--seen", folder / "ratings.h5", "-n", 2, "--json"], 2)
    lists = [(x["row"], x["rank"], x["column"], x["score"]) for x in result.json["lists"]]
    check(lists, expected(model[1], model[2], seen, 2, rows=range(10)), model[1])
    assert f"the first 10 of {ROWS} rows" in result.stderr
    said = "--implicit" in result.stderr
    assert said == (model[2]["missing"] == "unobserved" if "missing" in model[2] else False)
