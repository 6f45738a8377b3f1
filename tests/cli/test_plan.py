"""A plan beside what fits do: words and messages exactly, memory closely; and the machine it reckons with."""
import json

import pytest

from program import GRIDS, INPUTS, grid_name, run

SIZES = ["--rows", 1000, "--cols", 300, "-k", 7]


def plans(*args, **options):
    return run(["plan", *args, "--json"], **options).json["plans"]


def by_grid(found):
    return {plan["grid"]: plan for plan in found}


@pytest.fixture(scope="module")
def matrices(folder):
    """Name: file, of one shape that nothing divides."""
    for name, options in {"dense": [], "sparse": ["--sparse", "--density", 0.2],
                          "ratings": ["--kind", "ratings", "--nnz", 900]}.items():
        run(["generate", "-o", folder / f"{name}.h5", "--rows", 61, "--cols", 43, *options])
    return {name: folder / f"{name}.h5" for name in ("dense", "sparse", "ratings")}


@pytest.mark.parametrize("kind, solver, grid", [("dense", "hals", (2, 3)), ("sparse", "mu", (3, 1)),
                                                ("sparse", "bpp", (2, 2)), ("dense", "bpp", (1, 2)),
                                                ("dense", "ahals", (2, 3)), ("sparse", "ahals", (1, 2))])
def test_traffic_is_what_a_fit_sends(tmp_path, matrices, kind, solver, grid):
    processes, iterations = grid[0] * grid[1], 3
    options = [matrices[kind], "-k", 5, "--solver", solver]
    sent = run(["fit", *options, "-o", tmp_path / "m.h5", "--missing", "zero", "--grid", grid_name(grid), "--tol", 0,
                "--max-iter", iterations, "--json"], processes=processes).json["traffic"]
    planned = plans(*options, "-n", processes, "--grid", grid_name(grid))[0]["traffic"]
    assert {name: pytest.approx(iterations * value) for name, value in planned.items()} == sent


def test_ratings_send_no_more_than_planned(tmp_path, matrices, processes=3):
    options = [matrices["ratings"], "-k", 4]
    sent = run(["fit", *options, "-o", tmp_path / "m.h5", "--max-iter", 2, "--tol", 0, "--json"],
               processes=processes).json["traffic"]
    planned = plans(*options, "-n", processes)[0]["traffic"]
    assert sent["messages"] == 2 * planned["messages"]
    assert sent["control_words"] == pytest.approx(2 * planned["control_words"])
    assert 0.5 * 2 * planned["gather_words"] < sent["gather_words"] <= 2 * planned["gather_words"]


def test_every_process_that_needs_all_ratings_reaches_the_bound(tmp_path):
    """Each of 20 x 12 entries observed: both processes need all the other's rows."""
    (tmp_path / "a.csv").write_text("".join(f"{i},{j},{1 + (i + j) % 5}\n" for i in range(20) for j in range(12)))
    options = [tmp_path / "a.csv", "-k", 3]
    sent = run(["fit", *options, "-o", tmp_path / "m.h5", "--max-iter", 1, "--json"], processes=2).json["traffic"]
    assert sent == pytest.approx(plans(*options, "-n", 2)[0]["traffic"])


def test_grids_are_those_of_fit_and_all_shapes_on_demand():
    auto = plans(*SIZES, "-n", "1,2,3,4,6")
    every = by_grid(plans(*SIZES, "-n", "1,2,3,4,6", "--grid", "all"))
    assert set(every) == {grid_name(grid) for grid in GRIDS}
    for plan in auto:
        rivals = [other for other in every.values() if other["processes"] == plan["processes"]]
        least = min(other["seconds"] for other in rivals)
        fast = [other for other in rivals if other["seconds"] <= 1.1 * least]
        assert plan["seconds"] <= 1.1 * least
        assert plan["traffic"]["words"] == min(other["traffic"]["words"] for other in fast)
        assert plan["traffic"] == every[plan["grid"]]["traffic"]


@pytest.mark.parametrize("kind, options, processes, rest", [("dense", [], 2, 16e6),
                                                            ("sparse", ["--sparse", "--nnz", 2000000], 1, 32e6)])
def test_memory_is_near_what_a_fit_takes(tmp_path, kind, options, processes, rest):
    """The rest: buffers of the libraries and batches under way, and freed memory that the allocator keeps."""
    run(["generate", "-o", tmp_path / "a.h5", "--rows", 4000, "--cols", 2000, *options])
    options = [tmp_path / "a.h5", "-k", 20, "--json"]
    taken = run(["fit", *options, "-o", tmp_path / "m.h5", "--max-iter", 2], processes=processes).json["peak_memory"]
    memory = run(["plan", *options, "-n", processes]).json["plans"][0]["memory"]
    block = 8 * 4000 * 2000 / processes if kind == "dense" else 2 * 12 * 2000000 / processes
    assert memory["block"] == pytest.approx(block, rel=0.01) and memory["peak"] >= memory["loading"] >= memory["block"]
    assert taken - memory["program"] == pytest.approx(memory["peak"], abs=rest)


@pytest.mark.parametrize("processes, rest", [(1, 16e6), (2, 40e6)])
def test_memory_of_ratings_is_near_what_a_fit_takes(tmp_path, processes, rest):
    """Loading takes most: 16 bytes an entry that waits, beside rows of at most 12 bytes an entry. On two processes the
    peak differs from run to run by as much again as waits, as one of them runs ahead of the other."""
    stored = 4000000
    run(["generate", "-o", tmp_path / "a.h5", "--rows", 8000, "--cols", 4000, "--kind", "ratings", "--nnz", stored])
    options = [tmp_path / "a.h5", "-k", 5, "--json"]
    taken = run(["fit", *options, "-o", tmp_path / "m.h5", "--max-iter", 2], processes=processes).json["peak_memory"]
    memory = run(["plan", *options, "-n", processes]).json["plans"][0]["memory"]
    assert memory["loading"] <= 30 * stored / processes
    assert taken - memory["program"] == pytest.approx(memory["peak"], abs=rest)


def test_sizes_of_a_process_follow_from_the_grid():
    memory = plans("--rows", 1000, "--cols", 600, "-k", 8, "-n", 6, "--grid", "2x3", "--solver", "hals")[0]["memory"]
    ahals = plans("--rows", 1000, "--cols", 600, "-k", 8, "-n", 6, "--grid", "2x3")[0]["memory"]
    rows, cols, own_rows, own_cols = 500, 200, 167, 100
    assert memory["block"] == rows * cols * 8
    counts = 64 * 2  # the group's own rows: a cache line a factor
    assert memory["factors"] == pytest.approx(2 * 8 * 8 * (rows + cols + own_rows + own_cols) + counts, abs=4 * 64)
    assert ahals["factors"] - memory["factors"] == pytest.approx(8 * 8 * own_cols, abs=64)  # what H is extrapolated to
    single = plans("--rows", 1000, "--cols", 600, "-k", 8, "-n", 6, "--grid", "2x3", "--solver", "hals", "--precision",
                   "single")[0]["memory"]
    assert single["block"] == rows * cols * 4
    assert memory["peak"] == memory["block"] + memory["factors"] + memory["grams"] + memory["work"]


def test_given_figures_make_the_time():
    """A process a flop a second and no network: operations are seconds."""
    machine = ["--flops", 1, "--bandwidth", 1e18, "--latency", 1e-12, "--network", 1e18]
    one, four = plans("--rows", 100, "--cols", 50, "-k", 3, "-n", "1,4", "--solver", "hals", *machine)
    assert one["iteration_seconds"]["product"] == pytest.approx(4 * 100 * 50 * 3)
    assert one["iteration_seconds"]["update"] == pytest.approx(2 * 150 * 9)
    assert one["seconds"] == pytest.approx(sum(one["iteration_seconds"].values()))
    assert four["iteration_seconds"]["product"] == pytest.approx(one["iteration_seconds"]["product"] / 4)
    assert one["efficiency"] == pytest.approx(1) and 0.95 < four["efficiency"] <= 1
    slow = plans("--rows", 100, "--cols", 50, "-k", 3, "-n", 4, "--flops", 1e18, "--bandwidth", 1e18, "--latency", 1,
                 "--network", 1e18)[0]
    assert slow["seconds"] == pytest.approx(slow["traffic"]["messages"] / 4)
    assert slow["efficiency"] < 1e-9


def test_one_process_answers_for_thousands():
    """12 bytes an entry, by columns too where blocks are wide; a place for every row besides."""
    found = plans("--rows", 10**9, "--cols", 10**7, "--nnz", 10**12, "-k", 100, "-n", "1024,4096")
    assert [plan["processes"] for plan in found] == [1024, 4096]
    assert found[1]["memory"]["block"] == pytest.approx(12 * 10**12 / 4096, rel=0.01)
    wide = plans("--rows", 10**7, "--cols", 10**9, "--nnz", 10**12, "-k", 100, "-n", "4096")[0]
    assert wide["memory"]["block"] == pytest.approx(2 * 12 * 10**12 / 4096, rel=0.01)


@pytest.mark.parametrize("processes, sizes, rates", [
    (1, SIZES, {"dense", "dense_transposed", "dense_one_pass", "gram", "hals"}),
    (2, [*SIZES, "--nnz", 5000, "--solver", "mu"], {"sparse", "sparse_transposed", "gram", "mu"}),
    (1, [*SIZES, "--nnz", 5000, "--loss", "kullback-leibler"], {"divergence"}),
    (1, [*SIZES, "--loss", "0.5"], {"divergence"}),
    (3, [*SIZES, "--nnz", 5000, "--missing", "unobserved", "--precision", "single"], {"observed"})])
def test_a_measured_machine_is_saved_and_taken_again(tmp_path, processes, sizes, rates):
    path = tmp_path / "machine.json"
    found = run(["plan", *sizes, "-n", "8,64", "--measure", "--save", path, "--json"], processes=processes).json
    machine = json.loads(path.read_text())
    assert set(machine["measured"]["rates"]) == rates and machine["measured"]["components"] == 7
    assert all(machine[name] > 0 for name in ("flops", "bandwidth", "latency", "network"))
    assert (machine["latency"] == 2e-6) == (processes == 1)
    again = run(["plan", *sizes, "-n", "8,64", "--machine", path, "--threads", 1, "--json"])
    assert "warning" not in again.stderr
    for plan, same in zip(found["plans"], again.json["plans"]):
        assert same["iteration_seconds"] == pytest.approx(plan["iteration_seconds"], rel=1e-4)
    assert "warning" in run(["plan", "--rows", 50, "--cols", 40, "-k", 9, "-n", 8, "--machine", path]).stderr


def test_the_table_has_a_line_a_plan():
    text = run(["plan", INPUTS / "ratings-5x4.csv", "-k", 2, "-n", "2,4"]).stdout
    lines = text.splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("processes"))
    assert [line.split()[0] for line in lines[head + 1:head + 3]] == ["2", "4"]
    assert len({len(line) for line in lines[head:head + 3]}) == 1
    assert "assumed" in text


@pytest.mark.parametrize("args, message", [
    (["-k", 3], "name an INPUT, or give its sizes"),
    ([*SIZES, "-n", "4,x"], "--processes 4,x"),
    ([*SIZES, "-n", "4,"], "--processes 4,"),
    ([*SIZES, "-n", "0"], "--processes 0"),
    (["--rows", 10, "--cols", 10, "-k", 11], "larger than both dimensions"),
    (["--rows", 10, "--cols", 10], "say how many components"),
    (["--rows", 10, "--cols", 10, "-k", 2, "--nnz", 101], "only 100 places"),
    ([*SIZES, "--missing", "unobserved"], "--nnz"),
    ([*SIZES, "-n", 6, "--grid", "2x2"], "--grid 2x2"),
    ([*SIZES, "--loss", "huber"], "--loss huber"),
    ([*SIZES, "--loss", "0.5", "--solver", "hals"], "needs --solver mu"),
    ([INPUTS / "ratings-5x4.csv", "--rows", 5, "-k", 2], "not both")])
def test_wrong_command_lines_are_refused(args, message):
    result = run(["plan", *args], expect=2)
    assert len(result.messages) == 1 and message in result.messages[0]


@pytest.mark.parametrize("content, message", [(None, "No such file"), ("{", "JSON"), ("[]", "JSON object"),
                                              ('{"flops": -1}', "flops must be a positive number"),
                                              ('{"latency": "x"}', "latency must be a positive number"),
                                              ('{"measured": {"components": 4}}', "measured")])
def test_bad_machines_are_refused(tmp_path, content, message):
    path = tmp_path / "machine.json"
    if content is not None:
        path.write_text(content)
    result = run(["plan", *SIZES, "--machine", path], expect=1, processes=1 if content else 2)
    assert len(result.messages) == 1 and message in result.messages[0]


def test_a_machine_that_cannot_be_saved_is_an_error(tmp_path):
    result = run(["plan", *SIZES, "--save", tmp_path / "no" / "machine.json"], expect=1)
    assert len(result.messages) == 1 and "machine.json" in result.messages[0]
