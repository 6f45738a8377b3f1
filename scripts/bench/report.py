"""Benchmark results, dictionaries with the same keys, as a table, a CSV file and a picture."""
import csv

MEBI = 1 << 20


def print_table(results):
    head = ("work", "program", "s/iteration", "least..most", "GF/s", "x sklearn", "peak MiB", "block MiB", "peak/block")
    rows = [head]
    for r in results:
        memory = r["memory_bytes"] and r["block_bytes"]
        rows.append((
            f"{r['case']} {r['rows']}x{r['cols']}, {r['stored']} stored, k={r['components']}, {r['precision']}",
            r["program"], f"{r['seconds']:.4f}", f"{r['least']:.4f}..{r['most']:.4f}", f"{r['gflops']:.1f}",
            f"{r['times_sklearn']:.2f}",
            f"{r['memory_bytes'] / MEBI:.0f}" if memory else "",
            f"{r['block_bytes'] / MEBI:.0f}" if memory else "",
            f"{r['memory_bytes'] / r['block_bytes']:.2f}" if memory else "",
        ))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        print("  ".join(cell.ljust(width) if column < 2 else cell.rjust(width)
                        for column, (cell, width) in enumerate(zip(row, widths))))


def write_csv(results, path):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=results[0])
        writer.writeheader()
        writer.writerows(results)


def draw(results, path):
    """A group of bars a matrix and k, a bar a program, the spread as a line."""
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    programs = list(dict.fromkeys(r["program"] for r in results))
    works = list(dict.fromkeys((r["case"], r["components"]) for r in results))
    figure, axes = plt.subplots(figsize=(1.5 + 2 * len(works), 4))
    width = 0.8 / len(programs)
    for place, program in enumerate(programs):
        mine = [r for r in results if r["program"] == program]
        at = [works.index((r["case"], r["components"])) + place * width for r in mine]
        spread = [[r["seconds"] - r["least"] for r in mine], [r["most"] - r["seconds"] for r in mine]]
        axes.bar(at, [r["seconds"] for r in mine], width, yerr=spread, capsize=3, label=program)
    axes.set_xticks([i + 0.4 - width / 2 for i in range(len(works))], [f"{case}, k = {k}" for case, k in works])
    axes.set_yscale("log")
    axes.set_ylabel("seconds per iteration")
    axes.set_title(f"median of interleaved repeats, {results[0]['precision']} precision")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)
