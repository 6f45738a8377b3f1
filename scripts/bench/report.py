"""Benchmark results, dictionaries, as tables and a CSV file."""
import csv

MEBI = 1 << 20
HEAD = ("program", "s/iteration", "least..most", "GF/s", "planned", "x plan", "x floor", "x sklearn", "x RcppML",
        "x PLANC*", "peak/block")


def ratio(value):
    return "" if value is None else f"{value:.2f}"


def row_of(r):
    memory = r["memory"] / r["block"] if r["memory"] and r["block"] else None
    planned = ("", "") if r["planned"] is None else (f"{r['planned']:.4f}", ratio(r["seconds"] / r["planned"]))
    return (r["program"], f"{r['seconds']:.4f}", f"{r['least']:.4f}..{r['most']:.4f}", f"{r['gflops']:.1f}", *planned,
            ratio(r["seconds"] / r["floor"]), ratio(r["times scikit-learn cd"]), ratio(r["times RcppML"]),
            ratio(r["times PLANC"]), ratio(memory))


def print_work(work, results):
    """The programs' rows of one work; PLANC's figure, in double precision, is another machine's."""
    mine = [r for r in results if r["work"] == work]
    first = mine[0]
    print(f"\n{work}: {first['rows']} x {first['cols']}, {first['stored']} stored, floor {first['floor']:.4f} s")
    rows = [HEAD] + [row_of(r) for r in mine]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        print("  " + "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width)
                               for column, (cell, width) in enumerate(zip(row, widths))))
    if any(r["times PLANC"] for r in mine):
        print("  * PLANC's figure, double precision, was measured on another machine", flush=True)


def write_csv(results, path):
    names = list(dict.fromkeys(name for r in results for name in r))
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=names)
        writer.writeheader()
        writer.writerows(results)
