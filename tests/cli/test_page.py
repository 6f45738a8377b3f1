"""Pages of `dnmf report`: valid whatever names hold, standing alone, every figure that of the model's file."""
import csv
import json
import os
import xml.etree.ElementTree as ET

import h5py
import numpy as np
import pytest
import scipy.special

from program import finish, run, start

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ["<script>alert(1)</script>", "a & b \"quoted\" 'single'", "Amélie ﷽ \u202eover", "x" * 500, "]]> --> <!--",
           "line\x0bfeed\x01", "שלום עולם", "plain"]
BYTES = [b"\xff\xfe<b>", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf", b"ends \xc3", b"caf\xc3\xa9", b"\xef\xbf\xbf&"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Models of ratings, of a matrix with zeros, of one with more rows than are shown, and one without provenance."""
    folder = tmp_path_factory.mktemp("page")
    rng = np.random.default_rng(3)
    with open(folder / "ratings.csv", "w", encoding="ascii") as file:
        file.write("user,item,rating\n")
        for i in range(60):
            for j in range(24):
                if rng.random() < 0.3 + j / 60:
                    file.write(f"u{i},i{j},{rng.integers(1, 11) / 2}\n")
    (folder / "labels.csv").write_text("id\tname\n" + "".join(
        f"i{23 - j}\t{name}\n" for j, name in enumerate(HOSTILE)), encoding="utf-8")
    w, h = rng.random((700, 5)) ** 4, rng.random((5, 40)) ** 4
    np.save(folder / "zeros.npy", w @ h)
    run(["fit", folder / "ratings.csv", "-o", folder / "ratings.h5", "-k", 4, "--validation", 0.2, "--max-iter", 30])
    run(["fit", folder / "zeros.npy", "-o", folder / "zeros.h5", "-k", 5, "--max-iter", 400, "--tol", 0])
    with h5py.File(folder / "bare.h5", "w") as file:
        file["W"], file["H"] = w[:6, :2], h[:2, :7] * (np.arange(7) != 3)
        file["col_ids"] = np.array(BYTES)
    for name in ("ratings", "zeros", "bare"):
        labels = ["--labels", folder / "labels.csv"] if name == "ratings" else []
        run(["report", folder / f"{name}.h5", "-o", folder / f"{name}.html", *labels])
    return folder


def parsed(path):
    """The page as XML, which HTML of this kind is."""
    text = path.read_bytes().decode("utf-8")
    assert text.startswith("<!DOCTYPE html>\n")
    return ET.fromstring(text)


def figures(page):
    """The figures by their titles."""
    return {"".join(f.find("figcaption/h3").itertext()): f for f in page.iter("figure") if f.find("figcaption/h3") is not None}


def texts(element):
    return " ".join(" ".join(element.itertext()).split())


@pytest.mark.parametrize("name", ["ratings", "zeros", "bare"])
def test_a_page_stands_alone(files, name):
    page = parsed(files / f"{name}.html")
    text = (files / f"{name}.html").read_text(encoding="utf-8")
    assert {element.tag.split("}")[-1] for element in page.iter()}.isdisjoint(
        {"script", "link", "img", "iframe", "object", "embed", "image", "use", "foreignObject", "a", "base"})
    for element in page.iter():
        assert not [key for key in element.attrib if key in ("src", "href", "srcset", "style") or key.startswith("on")]
    style = "".join(page.find("head/style").itertext())
    assert "url(" not in style and "@import" not in style and "http" not in style
    assert text.replace("http://www.w3.org/2000/svg", "").count("http") == 0


@pytest.mark.parametrize("name", ["ratings", "zeros", "bare"])
def test_everything_has_a_name(files, name):
    """Headings in order, a title for each figure and table, words for each picture, labels for each axis."""
    page = parsed(files / f"{name}.html")
    assert page.attrib["lang"] == "en" and page.find("head/title").text == texts(page.find("body/header/h1"))
    assert all(texts(section.find("h2")) for section in page.iter("section"))
    for figure in page.iter("figure"):
        assert texts(figure.find("figcaption/h3") if figure.find("figcaption") is not None
                     else figure.find("table/caption"))
    for picture in page.iter(f"{SVG}svg"):
        if "viewBox" in picture.attrib and "preserveAspectRatio" not in picture.attrib:
            assert picture.attrib["role"] == "img" and picture.attrib["aria-label"]
    ids = [element.attrib["id"] for element in page.iter() if "id" in element.attrib]
    assert len(ids) == len(set(ids))


def drawn(figure):
    """The curves of a chart: name to x and y."""
    return {g.attrib["data-series"]: tuple(np.array(g.attrib[key].split(), dtype=float) for key in ("data-x", "data-y"))
            for g in figure.iter(f"{SVG}g") if "data-series" in g.attrib}


@pytest.mark.parametrize("name,title,curve,against", [
    ("ratings", "Objective by iteration", "objective", None),
    ("ratings", "Relative error by iteration", "relative_error", None),
    ("ratings", "RMSE of held-out entries", "validation_rmse", None),
    ("zeros", "Objective by iteration", "objective", None),
    ("zeros", "Relative error by time", "relative_error", "seconds")])
def test_curves_are_the_history(files, name, title, curve, against):
    with h5py.File(files / f"{name}.h5") as file:
        values = file[f"history/{curve}"][:]
        places = file[f"history/{against}"][:] if against else np.arange(len(values))
        best = file.attrs.get("best_iteration")
    figure = figures(parsed(files / f"{name}.html"))[title]
    (x, y), = drawn(figure).values()
    shown = np.round(np.linspace(0, len(values) - 1, min(len(values), 300)) + 1e-9).astype(int)
    np.testing.assert_allclose(x, places[shown], rtol=1e-8)
    np.testing.assert_allclose(y, values[shown], rtol=1e-8)
    marks = [float(p.attrib["data-mark"]) for p in figure.iter(f"{SVG}path") if "data-mark" in p.attrib]
    assert marks == ([best] if name == "ratings" else [])


def test_the_error_is_recorded_in_every_iteration(files):
    """The last is the model's; of a fit without penalties each is the root of its objective."""
    with h5py.File(files / "zeros.h5") as file:
        error, objective = file["history/relative_error"][:], file["history/objective"][:]
        assert error[-1] == pytest.approx(file.attrs["relative_error"], rel=1e-12)
    norm = np.linalg.norm(np.load(files / "zeros.npy"))
    np.testing.assert_allclose(error, np.sqrt(2 * objective) / norm, rtol=1e-6)


@pytest.mark.parametrize("name", ["ratings", "zeros"])
def test_facts_are_the_attributes(files, name):
    page = parsed(files / f"{name}.html")
    told = {}
    for row in page.iter("tr"):
        if "data-fact" in row.attrib:
            cell = row.find("td")
            told.setdefault(row.attrib["data-fact"], []).append(
                float(row.attrib.get("data-value", cell.attrib.get("data-value", "nan"))) if
                "data-value" in row.attrib or "data-value" in cell.attrib else "".join(cell.itertext()))
    with h5py.File(files / f"{name}.h5") as file:
        facts = dict(file.attrs)
    assert set(facts) <= set(told) | {"format_version"}
    for key, values in told.items():
        for value in values:
            if isinstance(value, float):
                assert value == facts[key], key
            elif key != "stop_reason" and not isinstance(facts[key], (float, np.floating)):
                assert value == str(facts[key]), key
    assert told["read_seconds"][0] >= 0 and told["iterate_seconds"][0] > 0
    assert told["stop_reason"][0].startswith("converged" if name == "ratings" else "not converged")


@pytest.mark.parametrize("name", ["ratings", "zeros"])
def test_components_are_those_of_describe(files, name):
    page = figures(parsed(files / f"{name}.html"))
    labels = ["--labels", files / "labels.csv"] if name == "ratings" else []
    components = run(["describe", files / f"{name}.h5", "--json", *labels]).json["components"]
    bars = [r for r in page["Share of each component in the whole"].iter(f"{SVG}rect") if "data-label" in r.attrib]
    assert [int(r.attrib["data-label"]) for r in bars] == [c["component"] for c in components]
    np.testing.assert_allclose([float(r.attrib["data-value"]) for r in bars], [c["share"] for c in components], rtol=1e-8)
    tables = [f.find("table") for f in page.values() if f.find("table") is not None
              and "data-component" in f.find("table").attrib]
    assert [int(t.attrib["data-component"]) for t in tables] == [c["component"] for c in components]
    for table, component in zip(tables, components):
        rows = table.findall("tbody/tr")
        assert len(rows) == len(component["columns"])
        for row, column in zip(rows, component["columns"]):
            assert float(row.attrib["data-weight"]) == pytest.approx(column["weight"], rel=1e-5)
            assert float(row.attrib["data-lift"]) == pytest.approx(column["lift"], rel=1e-5)
            if name == "zeros":
                assert "".join(row.find("th").itertext()) == column["id"] == row.attrib["data-column"]


def named_columns(path):
    """The names of columns that a page shows, by the column's number, and their titles."""
    return {int(row.attrib["data-column"]): ("".join(row.find("th/bdi").itertext()), row.find("th/bdi").get("title"))
            for row in parsed(path).iter("tr") if "data-column" in row.attrib}


def test_names_are_text_whatever_they_hold(files):
    names = named_columns(files / "ratings.html")
    with h5py.File(files / "ratings.h5") as file:
        ids = {int(name[1:]): index for index, name in enumerate(file["col_ids"].asstr()[:])}
    shown = {name: names[ids[23 - j]] for j, name in enumerate(HOSTILE) if ids[23 - j] in names}
    assert len(shown) >= 6
    for name, (text, title) in shown.items():
        if len(name) > 60:
            assert text == name[:59] + "…" and title == name[:400] + "…"
        else:
            assert text == "".join(" " if ord(c) < 32 else c for c in name) and title is None


def test_bytes_that_are_no_text_are_replaced(files):
    """A mark for each byte that belongs to no character; what no page may hold becomes a blank."""
    names = named_columns(files / "bare.html")
    expected = ["\ufffd\ufffd<b>", "\ufffd" * 3, "\ufffd" * 5, "\ufffd" * 2, "ends \ufffd", "café", " &"]
    assert len(names) == 6
    assert {name for name, _ in names.values()} == set(expected) - {expected[3]}


def shades(values):
    """Shade n: above ((n - 1) / 10)^2 of the column's largest."""
    largest = values.max(axis=0)
    part = np.divide(values, largest, out=np.zeros_like(values), where=largest > 0)
    return np.where(part > 0, np.clip(np.ceil(10 * np.sqrt(part) - 1e-9), 1, 10), 0).astype(int)


@pytest.mark.parametrize("name", ["ratings", "zeros", "bare"])
@pytest.mark.parametrize("factor", ["W", "H"])
def test_heat_maps_are_the_factors(files, name, factor):
    with h5py.File(files / f"{name}.h5") as file:
        panel = file[factor][:] if factor == "W" else file[factor][:].T
    figure, = [f for title, f in figures(parsed(files / f"{name}.html")).items() if title.startswith(factor + ":")]
    picture = figure.find(f"{SVG}svg")
    numbers = np.array(picture.attrib["data-rows"].split(), dtype=int)
    components = np.array(picture.attrib["data-components"].split(), dtype=int)
    assert sorted(components) == list(range(panel.shape[1]))
    every = len(panel) / min(len(panel), 200)
    sampled = [int((i + 0.5) * every) if every > 1 else i for i in range(min(len(panel), 200))]
    assert sorted(numbers) == [i for i in sampled if panel[i].any()]
    shown = panel[numbers][:, components]
    cells = np.zeros(shown.shape, dtype=int)
    for path in picture.iter(f"{SVG}path"):
        for piece in path.attrib.get("d", "").split("z") if "data-shade" in path.attrib else []:
            if piece:
                corner, down = piece[1:].split("h1v")
                column, row = map(int, corner.split())
                block = cells[row:row + int(down.split("h")[0]), column]
                assert not block.any()
                block[:] = int(path.attrib["data-shade"])
    np.testing.assert_array_equal(cells, shades(shown))
    strongest = np.argmax(np.divide(shown, shown.max(axis=0), out=np.zeros_like(shown), where=shown.max(axis=0) > 0),
                          axis=1)
    assert (np.diff(strongest) >= 0).all()


@pytest.mark.parametrize("processes", [2, 3, 4, 6])
def test_processes_do_not_change_a_page(files, tmp_path, processes):
    run(["report", files / "ratings.h5", "-o", tmp_path / "page.html", "--labels", files / "labels.csv"], processes)
    assert (tmp_path / "page.html").read_bytes() == (files / "ratings.html").read_bytes()


def test_options(files, tmp_path):
    result = run(["report", files / "zeros.h5", "-o", tmp_path / "page.html", "--title", "<k> & \xe9", "-n", 3, "--json"])
    assert result.json["output"] == str(tmp_path / "page.html")
    assert result.json["bytes"] == (tmp_path / "page.html").stat().st_size
    page = parsed(tmp_path / "page.html")
    assert page.find("head/title").text == "<k> & \xe9"
    assert {len(t.findall("tbody/tr")) for t in page.iter("table") if "data-component" in t.attrib} == {3}


@pytest.mark.parametrize("args,words", [
    (["ratings.h5"], "-o PAGE.html"),
    (["ratings.h5", "-o", "page.csv"], ".html"),
    (["ratings.h5", "-o", "page.html", "--label-columns", "1,2"], "--labels"),
    (["nothing.h5", "-o", "page.html"], "nothing.h5"),
    (["ratings.csv", "-o", "page.html"], "ratings.csv"),
    (["labels.csv", "-o", "page.html"], "labels.csv"),
    (["ratings.h5", "-o", "page.html", "--labels", "nothing.csv"], "nothing.csv"),
    (["ratings.h5", "-o", "no-folder/page.html"], "no-folder/page.html"),
])
def test_what_cannot_be_is_refused(files, args, words):
    before = sorted(files.iterdir())
    result = run(["report", *args], cwd=files, expect=None)
    assert result.returncode in (1, 2) and len(result.messages) == 1 and words in result.messages[0], str(result)
    assert sorted(files.iterdir()) == before


# --- Ratings -------------------------------------------------------------------------------------------------------


def bars(figure):
    """The bars of a chart: labels and values."""
    found = [r for r in figure.iter(f"{SVG}rect") if "data-label" in r.attrib]
    return [r.attrib["data-label"] for r in found], np.array([float(r.attrib["data-value"]) for r in found])


@pytest.mark.parametrize("title,side", [("Entries of rows", "row"), ("Entries of columns", "col")])
def test_entries_are_counted(files, title, side):
    with h5py.File(files / "ratings.h5") as file:
        counts = file[f"observed/{side}"][:]
    labels, values = bars(figures(parsed(files / "ratings.html"))[title])
    for label, value in zip(labels, values):
        low, _, high = label.partition("–")
        assert value == np.sum((counts >= int(low)) & (counts <= int(high or low)))
    assert values.sum() == len(counts)


@pytest.mark.parametrize("title,side", [("Biases of rows", "row"), ("Biases of columns", "col")])
def test_biases_are_those_that_are_added(files, title, side):
    with h5py.File(files / "ratings.h5") as file:
        known = file[f"observed/{side}"][:] > 0
        factor = file["W"][:] if side == "row" else file["H"][:].T
        bias = (file[f"bias/{side}"][:] + file.attrs["level"] * factor.sum(axis=1))[known]
    labels, values = bars(figures(parsed(files / "ratings.html"))[title])
    edges = [float(label.split(" to ")[0]) for label in labels] + [float(labels[-1].split(" to ")[1])]
    np.testing.assert_array_equal(values, np.histogram(bias, edges)[0])
    assert values.sum() == known.sum()


@pytest.fixture(scope="module")
def tested(files):
    """The page with other entries, and the scores of these."""
    rng = np.random.default_rng(8)
    lines = [f"u{i},i{j},{rng.integers(1, 11) / 2}" for i in range(0, 66, 3) for j in range(0, 26)]
    (files / "test.csv").write_text("user,item,rating\n" + "\n".join(lines) + "\n")
    run(["report", files / "ratings.h5", "-o", files / "tested.html", "--test", files / "test.csv"])
    run(["predict", files / "ratings.h5", files / "test.csv", "-o", files / "scores.csv"])
    scores = np.loadtxt(files / "scores.csv", delimiter=",", skiprows=1, usecols=2)
    return files, scores, np.array([float(line.split(",")[2]) for line in lines])


def test_calibration_is_of_the_predictions(tested):
    files, scores, values = tested
    page = figures(parsed(files / "tested.html"))
    bin_of = np.clip(np.floor((scores - 0.5) / 4.5 * 20), 0, 19).astype(int)
    filled = sorted(set(bin_of))
    (x, y), = drawn(page["Calibration"]).values()
    np.testing.assert_allclose(x, [scores[bin_of == b].mean() for b in filled], rtol=1e-7)
    np.testing.assert_allclose(y, [values[bin_of == b].mean() for b in filled], rtol=1e-7)
    np.testing.assert_array_equal(bars(page["Predictions"])[1], np.bincount(bin_of, minlength=20))
    errors = np.clip(np.floor((values - scores + 4.5) / 9 * 20), 0, 19).astype(int)
    np.testing.assert_array_equal(bars(page["Errors"])[1], np.bincount(errors, minlength=20))


def test_errors_are_those_of_evaluate(tested):
    files, _, _ = tested
    told = run(["evaluate", files / "ratings.h5", files / "test.csv", "--json"]).json
    shown = {row.attrib["data-fact"]: row.find("td").attrib["data-value"]
             for row in parsed(files / "tested.html").iter("tr") if "data-fact" in row.attrib and
             row.attrib["data-fact"].startswith("test_")}
    assert float(shown["test_rmse"]) == pytest.approx(told["rmse"], rel=1e-8)
    assert float(shown["test_mae"]) == pytest.approx(told["mae"], rel=1e-8)
    assert (int(shown["test_entries"]), int(shown["test_unknown"])) == (told["entries"], told["unknown"])


def test_processes_do_not_change_what_is_compared(tested, tmp_path):
    files, _, _ = tested
    run(["report", files / "ratings.h5", "-o", tmp_path / "page.html", "--test", files / "test.csv"], 3)
    assert (tmp_path / "page.html").read_bytes() == (files / "tested.html").read_bytes()


def test_a_model_of_zeros_has_no_ratings_to_compare(files):
    result = run(["report", "zeros.h5", "-o", "no.html", "--test", "zeros.npy"], cwd=files, expect=2)
    assert "--test" in result.messages[0] and not (files / "no.html").exists()


def test_a_model_of_a_matrix_with_missing_cells_has_none_either(files, tmp_path):
    a = np.load(files / "zeros.npy")
    a[1, 2] = np.nan
    np.save(tmp_path / "a.npy", a)
    run(["fit", "a.npy", "-o", "m.h5", "-k", 2, "--missing", "unobserved"], cwd=tmp_path)
    result = run(["report", "m.h5", "-o", "no.html", "--test", "a.npy"], cwd=tmp_path, expect=2)
    assert "fitted to a matrix with cells without a value" in result.messages[0]


def test_intervals_of_a_posterior(tested):
    """Coverage and deviations over the draws, counted from the deviations that predict tells."""
    files, _, values = tested
    run(["fit", files / "ratings.csv", "-o", files / "draws.h5", "-k", 2, "--samples", 30, "--burn-in", 5,
         "--max-iter", 10])
    run(["report", files / "draws.h5", "-o", files / "draws.html", "--test", files / "test.csv", "-n", 2])
    run(["report", files / "draws.h5", "-o", files / "draws3.html", "--test", files / "test.csv", "-n", 2], 3)
    assert (files / "draws.html").read_bytes() == (files / "draws3.html").read_bytes()
    run(["predict", files / "draws.h5", files / "test.csv", "-o", files / "draws.csv", "--no-clip"])
    with open(files / "draws.csv", newline="", encoding="ascii") as file:
        told = list(csv.DictReader(file))
    score = np.array([float(line["score"]) for line in told])
    spread = np.array([float(line["deviation"] or "nan") for line in told])
    known = np.isfinite(spread)
    with h5py.File(files / "draws.h5") as file:
        noise = file.attrs["noise_precision"] ** -0.5
        components, draws = file["W"].shape[1], int(file.attrs["samples"])
    needed = scipy.special.erf(np.abs(values - score) / np.sqrt(spread ** 2 + noise ** 2) / np.sqrt(2))[known]
    page = figures(parsed(files / "draws.html"))
    (level, covered), = drawn(page["Intervals"]).values()
    np.testing.assert_allclose(level, np.arange(0, 101, 5), rtol=1e-8)
    np.testing.assert_allclose(covered, [100 * np.mean(needed < l / 100) for l in level], atol=1e-6)
    np.testing.assert_array_equal(bars(page["Deviations of predictions"])[1], np.bincount(
        np.minimum(np.floor(spread[known] / (4.5 / 4) * 20), 19).astype(int), minlength=20))
    shown = [title for title in page if title.startswith("Component ")]
    assert components == 2 * draws and len(shown) == min(components, 60)
    assert f"Of {draws} draws of 2 components each" in texts(parsed(files / "draws.html"))


# --- Searches ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ratings_search(files):
    done = run(["tune", files / "ratings.csv", "-k", "2,3,5", "--l2", "0.8,1.2", "--folds", 2, "--max-iter", 5,
                "--metric", "ndcg@5", "--json"])
    (files / "tune.json").write_text(done.stdout)
    run(["report", files / "tune.json", "-o", files / "tune.html", "--title", "k of ratings"])
    return files


def table_of_candidates(page):
    return [{cell.attrib["data-figure"]: float(cell.attrib["data-value"]) for cell in row.findall("td")
             if "data-figure" in cell.attrib} for table in page.iter("table")
            if "candidates" in table.attrib.get("class", "") for row in table.findall("tbody/tr")]


def test_a_search_among_ratings(ratings_search):
    told = json.loads((ratings_search / "tune.json").read_text())
    page = parsed(ratings_search / "tune.html")
    assert page.find("head/title").text == "k of ratings"
    names = {"k": "components", "metric": "ndcg@5"}
    for shown, candidate in zip(table_of_candidates(page), told["candidates"], strict=True):
        assert {"k", "l2", "rmse", "spread", "metric", "metric_spread", "iterations", "seconds"} == set(shown)
        assert all(value == candidate[names.get(key, key)] for key, value in shown.items())
    best = {}
    for candidate in told["candidates"]:
        best.setdefault(candidate["components"], candidate)
    for title, key in (("Held-out RMSE", "rmse"), ("Quality of lists", "ndcg@5")):
        (x, y), = drawn(figures(page)[title]).values()
        assert list(x) == sorted(best)
        np.testing.assert_allclose(y, [best[k][key] for k in sorted(best)], rtol=1e-8)
    suggested, = [p.attrib["data-suggested"] for p in page.iter("p") if "data-suggested" in p.attrib]
    assert int(suggested) == told["best"]["components"]
    assert not {"Stability", "Held-out error", "Relative error"} & set(figures(page))


def search_of_zeros(**more):
    """What tune prints of a matrix with zeros; values that are not defined are null."""
    candidates = [{"k": k, "restarts": 5, "relative_error": 1 / k, "median_error": 1.1 / k, "heldout": abs(k - 4) + 1,
                   "heldout_spread": 0.1 * k, "silhouette_min": None if k == 2 else 1 - 0.1 * k,
                   "silhouette_mean": 1 - 0.05 * k, "cophenetic": None, "outliers": 0.01 * k, "seconds": 2.0 * k,
                   "stability": [None if c == 1 else 1 - 0.1 * c for c in range(k)]} for k in (2, 3, 4, 6)]
    return {"command": "tune", "input": "<cells & genes>.h5", "seed": 3, "candidates": candidates,
            "suggestion": {"k": 4, "reason": "<least> & \"stable\"", "criterion": "both"}, "output": None, **more}


def test_a_search_among_zeros(tmp_path):
    told = search_of_zeros()
    (tmp_path / "tune.json").write_text(" \n" + json.dumps(told))
    run(["report", tmp_path / "tune.json", "-o", tmp_path / "tune.html"])
    page = parsed(tmp_path / "tune.html")
    shown = figures(page)
    series = {name: y for title in ("Stability", "Held-out error", "Relative error", "Seconds")
              for name, (x, y) in drawn(shown[title]).items() if list(x) == [2, 3, 4, 6]}
    keys = {"silhouette, least": "silhouette_min", "silhouette, mean": "silhouette_mean",
            "held-out error": "heldout", "relative error, least": "relative_error",
            "relative error, median": "median_error", "seconds": "seconds"}
    assert set(series) == set(keys)
    for name, key in keys.items():
        expected = [np.nan if c[key] is None else c[key] for c in told["candidates"]]
        np.testing.assert_allclose(series[name], expected, rtol=1e-8)
    spreads = [float(p.attrib["data-spread"]) for p in shown["Held-out error"].iter(f"{SVG}path")
               if "data-spread" in p.attrib]
    np.testing.assert_allclose(spreads, [c["heldout_spread"] for c in told["candidates"]], rtol=1e-8)
    assert all("suggested: k = 4" in texts(shown[title]) for title in ("Stability", "Held-out error"))
    np.testing.assert_allclose(bars(shown["Stability of each component"])[1], [1, 0, 0.8, 0.7])
    assert "<least> & \"stable\"" in texts(page.find("body/main/section"))
    assert "<cells & genes>.h5" in texts(page.find("body/header"))
    rows = table_of_candidates(page)
    assert [row["k"] for row in rows] == [2, 3, 4, 6] and "silhouette_min" not in rows[0]
    chosen, = [row for row in page.iter("tr") if row.attrib.get("class") == "chosen"]
    assert chosen.find("td").attrib["data-value"] == "4"


def test_a_search_of_one_candidate_without_a_suggestion(tmp_path):
    told = search_of_zeros(suggestion={"k": None, "reason": "one restart"})
    told["candidates"] = told["candidates"][:1]
    (tmp_path / "tune.json").write_text(json.dumps(told))
    run(["report", tmp_path / "tune.json", "-o", tmp_path / "one.html"])
    run(["report", tmp_path / "tune.json", "-o", tmp_path / "three.html"], 3)
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "three.html").read_bytes()
    page = parsed(tmp_path / "one.html")
    assert "No number of components is suggested: one restart" in texts(page.find("body/main/section"))
    assert not [row for row in page.iter("tr") if row.attrib.get("class") == "chosen"]


def test_a_search_comes_by_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    job = start(["report", tmp_path / "pipe", "-o", tmp_path / "page.html"])
    (tmp_path / "pipe").write_text(json.dumps(search_of_zeros()))
    finish(job)
    assert "Suggested" in texts(parsed(tmp_path / "page.html").find("body/main/section"))


def test_a_consensus_tells_how_stable_it_is(files, tmp_path):
    done = run(["tune", files / "zeros.npy", "-k", "3,5", "--restarts", 4, "--max-iter", 40, "--criterion", "stability",
                "-o", tmp_path / "model.h5", "--json"])
    (tmp_path / "tune.json").write_text(done.stdout)
    run(["report", tmp_path / "tune.json", "-o", tmp_path / "tune.html"])
    told = done.json
    assert [row["k"] for row in table_of_candidates(parsed(tmp_path / "tune.html"))] == [3, 5]
    (_, least), = [xy for name, xy in drawn(figures(parsed(tmp_path / "tune.html"))["Stability"]).items()
                   if name == "silhouette, least"]
    np.testing.assert_allclose(least, [c["silhouette_min"] for c in told["candidates"]], rtol=1e-8)
    run(["report", tmp_path / "model.h5", "-o", tmp_path / "model.html"])
    with h5py.File(tmp_path / "model.h5") as file:
        stability, runs = file["consensus/stability"][:], file["consensus/runs"][:]
    page = figures(parsed(tmp_path / "model.html"))
    labels, values = bars(page["Stability of each component"])
    np.testing.assert_allclose(values, np.maximum(0, np.nan_to_num(stability))[[int(label) for label in labels]],
                               rtol=1e-8)
    notes = {int(title.split()[1][:-1]): texts(figure.find("figcaption/p")) for title, figure in page.items()
             if title.startswith("Component ")}
    assert notes == {c: f"Stability {stability[c]:.2f}, in {runs[c]:.0f} of 4 fits." for c in range(len(runs))}


@pytest.mark.parametrize("text,args,words", [
    ('{"candidates": [', [], "JSON"),
    ("{\n\"a\": 1,,\n}", [], "line 2"),
    ("{}", [], "candidates"),
    ('{"candidates": 5}', [], "candidates"),
    ('{"candidates": [{"k": 2}, {"rmse": 1}]}', [], "candidate 2"),
    ('{"candidates": [{"k": "two"}]}', [], "candidate 1"),
    ('{"candidates": [{"k": 2}], "x": "\\ud800"}', [], "JSON"),
    (json.dumps(search_of_zeros()), ["--labels", "labels.csv"], "--labels"),
])
def test_a_damaged_search_is_refused(tmp_path, text, args, words):
    (tmp_path / "tune.json").write_text(text)
    (tmp_path / "labels.csv").write_text("1,a\n")
    result = run(["report", "tune.json", "-o", "page.html", *args], 1, cwd=tmp_path, expect=None)
    assert result.returncode in (1, 2) and len(result.messages) == 1 and words in result.messages[0], str(result)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.csv", "tune.json"]
