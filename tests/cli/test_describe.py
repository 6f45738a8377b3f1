"""Descriptions of components against their definition in numpy, and labels in the ways files have them."""
import csv
import gzip

import h5py
import numpy as np
import pytest

from program import run

PROCESSES = [1, 2, 3, 4]
TITLES = ["Amélie", "Twelve Monkeys, 1995", 'The "Best"', "Léon", "Heat", "Se7en", "Fargo", "Big", "Jaws"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """One of ratings, one of a matrix with zeros; the titles as files of several kinds."""
    folder = tmp_path_factory.mktemp("describe")
    rng = np.random.default_rng(5)
    with open(folder / "ratings.csv", "w", encoding="ascii") as file:
        file.write("user,item,rating\n")
        for i in range(40):
            for j in range(len(TITLES)):
                if rng.random() < (j + 1) / 10:
                    file.write(f"{i + 1},{10 * j + 10},{rng.integers(1, 6)}\n")
    for missing in ("zero", "unobserved"):
        run(["fit", folder / "ratings.csv", "-o", folder / f"{missing}.h5", "-k", 3, "--missing", missing])
    ids = [10 * j + 10 for j in range(len(TITLES))]
    quoted = ["\"" + title.replace('"', '""') + "\"" for title in TITLES]
    (folder / "movies.csv").write_text("movieId,title,genres\n" + "".join(
        f"{i},{title},A|B\n" for i, title in zip(ids, quoted)), encoding="utf-8")
    (folder / "u.item").write_text("".join(
        f"{i}|{title}|01-Jan-1995||0|1\n" for i, title in zip(ids, TITLES)), encoding="latin-1")
    (folder / "turned.tsv").write_text("".join(
        f"x\t{title}\t{i}\n" for i, title in zip(ids, TITLES)), encoding="utf-8")
    (folder / "movies.gz").write_bytes(gzip.compress((folder / "movies.csv").read_bytes()))
    return folder


def parts(path, rows):
    """Shares, evidence and weights of the columns, or the rows, of each component."""
    with h5py.File(path) as file:
        w, h = file["W"][:], file["H"][:]
        counts = [file[f"observed/{side}"][:] if "observed" in file else None for side in ("row", "col")]
    factors = [w.T, h]
    mine, other = (0, 1) if rows else (1, 0)
    weight = np.ones(factors[other].shape[1]) if counts[other] is None else counts[other] / counts[other].sum()
    part = factors[mine] * (factors[other] @ weight)[:, None]
    whole = part.sum(axis=0)
    share = part / np.where(whole > 0, whole, 1)
    evidence = whole if counts[mine] is None else counts[mine] * (whole > 0)
    return factors[mine], share, evidence, (share * evidence).sum(axis=1) / evidence.sum()


@pytest.mark.parametrize("processes", PROCESSES)
@pytest.mark.parametrize("missing", ["zero", "unobserved"])
@pytest.mark.parametrize("by", ["relevance", "excess", "lift", "weight"])
def test_components_are_described_by_definition(models, processes, missing, by):
    path = models / f"{missing}.h5"
    options = ["--lambda", 0.3] if by == "relevance" else ["--by", by]
    told = run(["describe", path, "-n", 4, *options, "--json"], processes).json
    for key, rows in (("columns", False), ("rows", True)):
        weight, share, evidence, base = parts(path, rows)
        lift = share / base[:, None]
        mass = share * evidence
        with np.errstate(divide="ignore"):
            relevance = 0.3 * np.log(mass / mass.sum(axis=1, keepdims=True)) + 0.7 * np.log(lift)
        score = {"relevance": relevance, "excess": evidence * (share - base[:, None]), "lift": lift,
                 "weight": weight}[by]
        for component in told["components"]:
            c = component["component"]
            order = [j for j in np.lexsort((np.arange(score.shape[1]), -score[c])) if weight[c, j] > 0][:4]
            found = component[key]
            assert np.allclose([x["score"] for x in found], score[c][order], rtol=1e-9, atol=1e-12)
            assert np.allclose([x["weight"] for x in found], weight[c][order])
            assert np.allclose([x["share"] for x in found], share[c][order])
            assert np.allclose([x["lift"] for x in found], lift[c][order])
        if not rows:
            assert [x["component"] for x in told["components"]] == list(np.argsort(-base, kind="stable"))
            assert np.allclose([x["share"] for x in told["components"]], sorted(base, reverse=True))


def test_shares_of_the_whole_add_up(models):
    for missing in ("zero", "unobserved"):
        told = run(["describe", models / f"{missing}.h5", "--json"]).json
        assert sum(x["share"] for x in told["components"]) == pytest.approx(1)


def test_zeros_shares_are_those_of_the_product(models):
    with h5py.File(models / "zero.h5") as file:
        mass = file["W"][:].sum(axis=0) * file["H"][:].sum(axis=1)
    told = run(["describe", models / "zero.h5", "--json"]).json
    assert np.allclose([x["share"] for x in told["components"]], sorted(mass / mass.sum(), reverse=True))


@pytest.mark.parametrize("processes", [1, 3])
@pytest.mark.parametrize("labels", [["movies.csv"], ["movies.gz"], ["u.item"], ["turned.tsv", "--label-columns", "3,2"]])
def test_labels_of_all_kinds_give_the_titles(models, processes, labels):
    told = run(["describe", models / "zero.h5", "-n", 99, "--json", "--labels", models / labels[0], *labels[1:]],
               processes).json
    for component in told["components"]:
        for column in component["columns"]:
            assert column["label"] == TITLES[int(column["id"]) // 10 - 1]


def test_the_table_shows_titles(models):
    shown = run(["describe", models / "unobserved.h5", "--labels", models / "u.item"]).stdout
    assert "Amélie" in shown and "component 2:" in shown


@pytest.mark.parametrize("processes", [1, 3])
def test_the_file_holds_what_json_holds(models, tmp_path, processes):
    options = ["-n", 4, "--labels", models / "movies.csv", "--label-columns", "movieId,title"]
    told = run(["describe", models / "unobserved.h5", *options, "--json"]).json
    run(["describe", models / "unobserved.h5", *options, "--rows", "-o", tmp_path / "c.csv"], processes)
    with open(tmp_path / "c.csv", encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    wanted = [(component["component"], side, rank, x["id"], x["label"] or "", x["lift"], x["count"])
              for component in told["components"] for side, key in (("column", "columns"), ("row", "rows"))
              for rank, x in enumerate(component[key], 1)]
    assert [(int(x["component"]), x["side"], int(x["rank"]), x["id"], x["label"]) for x in lines] == [
        x[:5] for x in wanted]
    assert np.allclose([float(x["lift"]) for x in lines], [x[5] for x in wanted])
    assert [float(x["entries"]) for x in lines] == [x[6] for x in wanted]
    assert ".csv" in run(["describe", models / "zero.h5", "-o", tmp_path / "c.h5"], expect=2).messages[0]


def test_an_id_without_a_label_stands_for_itself(models, tmp_path):
    (tmp_path / "few.csv").write_text("10,Only\n20,Two\n")
    told = run(["describe", models / "zero.h5", "-n", 99, "--json", "--labels", tmp_path / "few.csv"]).json
    labels = {x["id"]: x["label"] for component in told["components"] for x in component["columns"]}
    assert labels["10"] == "Only" and labels["90"] == "90"


def test_labels_that_are_missing_or_too_narrow_are_told(models, tmp_path):
    result = run(["describe", models / "zero.h5", "--labels", tmp_path / "no.csv"], processes=2, expect=1)
    assert "cannot read labels" in result.messages[0]
    (tmp_path / "two.csv").write_text("10,A\n20,B\n")
    result = run(["describe", models / "zero.h5", "--labels", tmp_path / "two.csv", "--label-columns", "1,5"],
                 processes=2, expect=1)
    assert "line 1" in result.messages[0]
    run(["describe", models / "zero.h5", "--labels", tmp_path / "two.csv", "--label-columns", "0,1"], expect=2)
