"""Scaling results, dictionaries with the same keys, as a table and as the pictures this field publishes."""
import math
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))
from report import write_csv  # noqa: E402, F401: what a study writes beside its pictures

PARTS = ("product", "gram", "update", "exchange", "other")
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#999999")  # Okabe and Ito: apart for any colour vision


def print_table(rows):
    head = ("study", "processes", "grid", "matrix", "s/iteration", "planned", "x plan", "efficiency", "product", "gram",
            "update", "exchange", "words", "formula", "messages", "objective")
    lines = [head]
    for r in rows:
        shares = [f"{100 * r[part] / r['seconds']:.0f}%" for part in PARTS[:4]]
        lines.append((r["study"], str(r["processes"]) + "*" * r["oversubscribed"], r["grid"],
                      f"{r['rows']}x{r['cols']}", f"{r['seconds']:.4g}", f"{r['planned']:.4g}",
                      f"{r['seconds'] / r['planned']:.2f}", f"{100 * r['efficiency']:.0f}%", *shares,
                      f"{r['words']:.6g}", f"{r['formula_words']:.6g}", f"{r['messages']:.0f}",
                      "" if r["objective"] is None else f"{r['objective']:.9g}"))
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        print("  ".join(text.rjust(width) for text, width in zip(line, widths)))
    if any(r["oversubscribed"] for r in rows):
        print("* more processes than cores: correctness and traffic, not speed")


def efficiencies(rows):
    """Against the least number of processes of a study: speed per process (strong), or time kept (weak)."""
    for study in {r["study"] for r in rows}:
        mine = [r for r in rows if r["study"] == study]
        least = min(r["processes"] for r in mine)
        first = min(r["seconds"] for r in mine if r["processes"] == least)
        for r in mine:
            growth = 1 if study == "weak" else r["processes"] / least
            r["efficiency"] = first / (r["seconds"] * growth)


def best_grids(rows):
    """Of each number of processes, the fastest grid."""
    counts = sorted({r["processes"] for r in rows})
    return [min((r for r in rows if r["processes"] == p), key=lambda r: r["seconds"]) for p in counts]


def mark_counts(axes, rows):
    """The numbers of processes themselves as ticks; more of them than cores on grey."""
    counts = [r["processes"] for r in rows]
    axes.set_xscale("log", base=2)
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.set_xlabel("processes")
    axes.grid(alpha=0.3)
    crowded = [r["processes"] for r in rows if r["oversubscribed"]]
    if crowded:
        before = [count for count in counts if count < crowded[0]]
        left = (before[-1] * crowded[0]) ** 0.5 if before else counts[0] / 2 ** 0.5
        axes.axvspan(left, counts[-1] * 2 ** 0.5, color="0.9", zorder=0)
        axes.set_xlim(counts[0] / 2 ** 0.5, counts[-1] * 2 ** 0.5)


def number_text(value):
    """A tick's label: 0.05, 200, 2e6."""
    text = f"{value:g}"
    if "e" not in text:
        return text
    digits, exponent = text.split("e")
    return f"{digits}e{int(exponent)}"


def log_ticks(low, high):
    """Round numbers from low to high, three or more: powers of ten, or 1-2-5, or those of a linear axis."""
    from matplotlib.ticker import MaxNLocator

    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1,), (1, 2, 5)):
        ticks = [d * 10.0 ** e for e in decades for d in digits if low <= d * 10.0 ** e <= high]
        if len(ticks) >= 3:
            return ticks[::1 + len(ticks) // 8]
    return [tick for tick in MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= tick <= high]


def label_log(axis):
    """Makes an axis logarithmic with labels at round numbers; after everything has been drawn on it."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
    ticks = log_ticks(*axis.get_view_interval())
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_major_formatter(FixedFormatter([number_text(tick) for tick in ticks]))
    axis.set_minor_locator(NullLocator())


def draw_time(axes, rows, study):
    counts = [r["processes"] for r in rows]
    first = rows[0]
    ideal = [first["seconds"] * (1 if study == "weak" else first["processes"] / p) for p in counts]
    axes.plot(counts, ideal, "k--", label="ideal")
    axes.plot(counts, [r["seconds"] for r in rows], "o-", label=first["source"])
    axes.plot(counts, [r["planned"] for r in rows], "x:", label="dnmf plan")
    if study != "weak":
        label_log(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)
    axes.set_ylabel("seconds per iteration")
    axes.set_title("time")
    axes.legend()


def draw_efficiency(axes, rows, published):
    axes.plot([r["processes"] for r in rows], [100 * r["efficiency"] for r in rows], "o-", label=rows[0]["source"])
    for (processes, percent, name), marker in zip(published, "sD"):
        axes.plot(processes, percent, marker, label=f"{name}: published, another machine")
    if published:
        axes.legend(loc="lower left", fontsize="small")
    axes.set_ylim(0, 110)
    axes.set_ylabel("% of the ideal speed")
    axes.set_title("efficiency")


def draw_planned(axes, rows):
    """What became of the prediction: 1 where an iteration took what plan said."""
    counts = [r["processes"] for r in rows]
    ratios = [r["seconds"] / r["planned"] for r in rows]
    axes.axhline(1, color="k", linestyle="--")
    axes.plot(counts, ratios, "o-")
    axes.set_ylim(0, 1.1 * max(1, *ratios))
    axes.set_ylabel(f"{rows[0]['source']} / planned seconds")
    axes.set_title("beside dnmf plan")


def draw_parts(axes, rows):
    names = [f"{r['processes']}\n{r['grid']}" for r in rows]
    bottom = [0] * len(rows)
    for part, color in zip(PARTS, COLORS):
        shares = [100 * r[part] / r["seconds"] for r in rows]
        axes.bar(names, shares, bottom=bottom, label=part, color=color)
        bottom = [b + s for b, s in zip(bottom, shares)]
    axes.set_ylim(0, 100)
    axes.set_ylabel("% of an iteration")
    axes.set_xlabel("processes and grid")
    axes.set_title("where the time goes")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small",
                frameon=False, handlelength=1)


def draw_words(axes, rows):
    """All grids: what was counted on what the formula says."""
    axes.plot([r["formula_words"] + 1 for r in rows], [r["words"] + 1 for r in rows], "o", label="counted")
    ends = [min(r["formula_words"] for r in rows) + 1, max(r["formula_words"] for r in rows) + 1]
    axes.plot(ends, ends, "k--", label="equal")
    label_log(axes.xaxis)
    label_log(axes.yaxis)
    axes.set_xlabel("words of an iteration by the formula (+ 1)")
    axes.set_ylabel("words sent (+ 1)")
    axes.set_title("traffic, all grids")
    axes.grid(alpha=0.3)
    axes.legend()


def draw_errors(axes, curves):
    for name, points in curves.items():
        axes.plot([seconds for seconds, _ in points], [error for _, error in points], label=name)
    label_log(axes.yaxis)
    axes.locator_params(axis="x", nbins=5)
    axes.set_xlabel("seconds of iterating")
    axes.set_ylabel("relative error")
    axes.set_title("error against time")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def draw(rows, study, title, path, curves=None, published=()):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    mine = [r for r in rows if r["study"] == study]
    best = best_grids(mine)
    if any(r["oversubscribed"] for r in best):
        title += "\ngrey: more processes than cores, which shows correctness and traffic, not speed"
    with plt.rc_context({"axes.prop_cycle": plt.cycler(color=COLORS)}):
        figure, axes = plt.subplots(2, 3, figsize=(15, 8.5))
        draw_time(axes[0][0], best, study)
        draw_efficiency(axes[0][1], best, published)
        draw_planned(axes[0][2], best)
        for panel in axes[0]:
            mark_counts(panel, best)
        draw_parts(axes[1][0], best)
        draw_words(axes[1][1], mine)
        if curves:
            draw_errors(axes[1][2], curves)
        else:
            axes[1][2].remove()
        figure.suptitle(title)
        figure.tight_layout()
        figure.savefig(path, dpi=110)
        plt.close(figure)
