"""Recommender beside the program, and the forms that ratings come in."""

import csv
import json
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from conftest import PROGRAM, run
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import dnmf

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def write_table(path, *columns):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(zip(*columns))
    return path


def read_table(text):
    return [line.split(",") for line in text.splitlines()]


@pytest.mark.parametrize("texts", [False, True])
def test_predictions_and_lists_are_the_programs(ratings, tmp_path, texts):
    users, items, values = ratings
    if texts:
        users, items = np.array([f"ä{u:03d}" for u in users]), np.array([f"i{i}" for i in items])
    table = write_table(tmp_path / "ratings.csv", users, items, values)
    model = tmp_path / "model.h5"
    told = json.loads(
        run(PROGRAM, "fit", table, "-o", model, "-k", 4, "--seed", 3, "--header", "no", "--json", "--quiet")
    )
    ours = dnmf.Recommender(4, random_state=3).fit((users, items, values))
    assert ours.n_iter_ == told["iterations"] and ours.rmse_ == pytest.approx(told["rmse"], rel=1e-12)

    pairs = write_table(tmp_path / "pairs.csv", users[:20], items[5:25])
    run(PROGRAM, "predict", model, pairs, "-o", tmp_path / "scores.csv", "--header", "no", "--quiet")
    scores = [
        float(line[2]) for line in read_table((tmp_path / "scores.csv").read_text()) if line[0] in map(str, users)
    ]
    np.testing.assert_allclose(ours.predict(users[:20], items[5:25]), scores, rtol=1e-6)

    rows = write_table(tmp_path / "users.txt", users[:3])
    run(
        PROGRAM,
        "recommend",
        model,
        "--seen",
        table,
        "--header",
        "no",
        "-n",
        5,
        "--rows",
        rows,
        "-o",
        tmp_path / "lists.csv",
        "--quiet",
    )
    lists = {}
    for user, _, item, *_ in read_table((tmp_path / "lists.csv").read_text()):
        lists.setdefault(user, []).append(item)
    found, scores = ours.recommend(users[:3], 5)
    for user, line in zip(users[:3], found):
        assert [str(item) for item in line] == lists[str(user)][:5]
    assert np.all(np.diff(scores, axis=1) <= 0)


def test_every_form_of_ratings_is_the_same(ratings):
    users, items, values = (np.append(column, column[:30]) for column in ratings)
    values[-30:] = 6 - values[:30]  # the last counts
    with pytest.warns(UserWarning, match="30 entries share a place with another; the last of each was kept"):
        expected = dnmf.Recommender(3, max_iter=10).fit((users, items, values))
    table = pd.DataFrame({"user": users, "item": items, "rating": values, "time": 0})
    for form in (table, np.column_stack([users, items, values]), (list(users), list(items), list(values))):
        with pytest.warns(UserWarning, match="share a place"):
            found = dnmf.Recommender(3, max_iter=10).fit(form)
        assert np.array_equal(found.user_factors_, expected.user_factors_)
        assert np.array_equal(found.user_ids_, np.unique(users))
    assert expected.user_ids_.dtype == np.int64
    last = {(u, i): v for u, i, v in zip(users, items, values)}
    rows = np.searchsorted(np.unique(users), [u for u, _ in last])
    cols = np.searchsorted(np.unique(items), [i for _, i in last])
    matrix = sp.csc_matrix((list(last.values()), (rows, cols)))
    found = dnmf.Recommender(3, max_iter=10).fit(matrix)
    np.testing.assert_allclose(found.item_factors_, expected.item_factors_, rtol=1e-6, atol=1e-9)
    assert np.array_equal(found.user_ids_, np.arange(matrix.shape[0]))


def test_predictions_are_mean_biases_and_product(ratings):
    ours = dnmf.Recommender(3).fit(ratings)
    u, i = 4, 9
    plain = ours.mean_ + ours.user_bias_[u] + ours.item_bias_[i] + ours.user_factors_[u] @ ours.item_factors_[i]
    assert ours.predict(ours.user_ids_[[u]], ours.item_ids_[[i]])[0] == pytest.approx(np.clip(plain, 1, 5))


def test_lists_leave_out_what_is_seen(ratings):
    users, items, values = ratings
    ours = dnmf.Recommender(3).fit(ratings)
    seen = {(u, i) for u, i in zip(users, items)}
    asked = np.unique(users)
    found, scores = ours.recommend(asked, 40)
    for user, line, line_scores in zip(asked, found, scores):
        listed = line[line >= 0]
        assert not seen & {(user, item) for item in listed}
        assert len(listed) == 40 - len({i for u, i in seen if u == user})
        assert np.isnan(line_scores[len(listed) :]).all()
        np.testing.assert_allclose(
            np.sort(ours.predict([user] * len(listed), listed))[::-1][:5], np.clip(line_scores[:5], 1, 5)
        )
    everything, _ = ours.recommend(asked[:1], 40, seen=None)
    assert sorted(everything[0]) == sorted(ours.item_ids_)
    only, _ = ours.recommend(asked[:2], 3, seen=None, candidates=[1001, 1002])
    assert set(only.ravel()) == {1001, 1002, -1}


def test_users_and_items_that_are_not_known(ratings):
    ours = dnmf.Recommender(3).fit(ratings)
    assert np.isfinite(ours.predict([-5], [1000]))[0]
    assert np.isnan(ours.predict([-5], [1000], unknown="nan"))[0]
    with pytest.raises(dnmf.InputError, match="does not know"):
        ours.predict([-5], [1000], unknown="error")
    popular, scores = ours.recommend([-5], 3)
    assert np.isnan(scores).all() and (popular >= 0).all()
    with pytest.raises(ValueError, match="item 3 is not known"):
        ours.similar_items([3])


def test_similar_items_are_by_cosine_of_their_factors(ratings):
    ours = dnmf.Recommender(3, bias="none", options={"shrink_to": "zero"}).fit(ratings)
    factors = ours.item_factors_ / np.linalg.norm(ours.item_factors_, axis=1, keepdims=True)
    cosines = factors @ factors[7]
    cosines[7] = -1
    found, told = ours.similar_items([ours.item_ids_[7]], 4)
    assert list(found[0]) == list(ours.item_ids_[np.argsort(-cosines, kind="stable")[:4]])
    np.testing.assert_allclose(told[0], np.sort(cosines)[::-1][:4])


def test_draws_tell_deviations(ratings):
    ours = dnmf.Recommender(3, samples=20, options={"burn_in": 5}).fit(ratings)
    scores, deviations = ours.predict(ratings[0][:9], ratings[1][:9], return_std=True)
    assert np.isfinite(scores).all() and (deviations > 0).all()


def test_new_users_are_folded_in(ratings):
    ours = dnmf.Recommender(3).fit(ratings)
    folded = ours.fold_in(([1, 1, 2], [1000, 1003, 1004], [5.0, 1.0, 2.0]))
    assert list(folded.user_ids_) == [1, 2]
    assert np.array_equal(folded.item_factors_, ours.item_factors_)
    listed, _ = folded.recommend([1], 40)
    assert not {1000, 1003} & set(listed[0])


def test_evaluation_and_score(ratings):
    users, items, values = ratings
    ours = dnmf.Recommender(3).fit((users[:800], items[:800], values[:800]))
    test = (users[800:], items[800:], values[800:])
    error = np.sqrt(np.mean((ours.predict(users[800:], items[800:]) - values[800:]) ** 2))
    figures = ours.evaluate(test, seen="fit", at=5)
    assert figures["entries"] == 100 and 0 <= figures["lists"]["ndcg"] <= 1
    assert figures["rmse"] == pytest.approx(error) == pytest.approx(-ours.score(test))
    search = GridSearchCV(dnmf.Recommender(3, max_iter=20), {"l2": [0.01, 20]}, cv=2)
    assert search.fit(np.column_stack(ratings)).best_params_ == {"l2": 20}  # there is nothing but noise


def test_implicit_lists(ratings):
    ours = dnmf.Recommender(3, implicit=True).fit(pd.DataFrame({"user": ratings[0], "item": ratings[1]}))
    listed, scores = ours.recommend([7], 5)
    assert len(set(listed[0])) == 5 and np.all(np.diff(scores) <= 0)
    assert ours.evaluate(ratings, seen=None)["ndcg"] > 0


def test_recommenders_are_saved_pickled_and_cloned(ratings, tmp_path):
    ours = dnmf.Recommender(3, l2=2.0).fit(ratings)
    copy = pickle.loads(pickle.dumps(ours))
    assert copy.get_params() == clone(ours).get_params() == ours.get_params()
    for one, other in zip(copy.recommend([7, 10]), ours.recommend([7, 10])):
        assert np.array_equal(one, other)
    ours.save(tmp_path / "model.h5")
    loaded = dnmf.Recommender.load(tmp_path / "model.h5")
    assert np.array_equal(loaded.predict(*ratings[:2]), ours.predict(*ratings[:2]))
    assert np.array_equal(loaded.item_ids_, ours.item_ids_)
    with pytest.raises(ValueError, match="without its ratings"):
        loaded.recommend([7])
    assert np.array_equal(loaded.recommend([7], seen=ratings)[0], ours.recommend([7])[0])


def test_ratings_that_are_none_are_refused():
    missing = pd.DataFrame({"user": ["a", None], "item": ["x", "y"], "rating": [1, 2]})
    with pytest.raises(ValueError, match="an id is missing"):
        dnmf.Recommender(2).fit(missing)
    with pytest.raises(dnmf.InputError, match="negative"):
        dnmf.Recommender(2).fit(([1, 2], [3, 4], [1, -1]))
    for wrong in ([1, 2, 3], ([1, 2], [3]), ([1.5], [2], [3])):
        with pytest.raises(ValueError):
            dnmf.Recommender(2).fit(wrong)
    with pytest.raises(dnmf.UsageError, match="components 0"):
        dnmf.Recommender(0).fit(([1], [2], [3]))
