"""Two pictures in one: seconds an iteration beside the floor, and where dnmf's time goes."""
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  the backend comes first

PARTS = ("product", "gram", "update", "exchange", "other")


def unique(values):
    return list(dict.fromkeys(values))


def draw_seconds(axes, results):
    """A group of bars a work, a bar a program with its spread, a cross where plan expected it, the floor as a line
    across the group."""
    programs, names = unique(r["program"] for r in results), unique(r["work"] for r in results)
    width = 0.8 / len(programs)
    for place, program in enumerate(programs):
        mine = [r for r in results if r["program"] == program]
        at = [names.index(r["work"]) + place * width for r in mine]
        spread = [[r["seconds"] - r["least"] for r in mine], [r["most"] - r["seconds"] for r in mine]]
        axes.bar(at, [r["seconds"] for r in mine], width, yerr=spread, capsize=2, label=program)
        at = [place for place, r in zip(at, mine) if r["planned"]]
        axes.plot(at, [r["planned"] for r in mine if r["planned"]], "kx", zorder=3,
                  label="dnmf plan" if at and program == programs[0] else None)
    for place, name in enumerate(names):
        floor = next(r["floor"] for r in results if r["work"] == name)
        axes.hlines(floor, place - width / 2, place + 0.8 - width / 2, colors="black", linestyles="dashed",
                    label="floor" if place == 0 else None)
    axes.set_yscale("log")
    axes.set_ylabel("seconds per iteration")
    axes.set_title("median of interleaved repeats")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    label(axes, names, 0.4 - width / 2)


def draw_parts(axes, results):
    """dnmf's iteration, a stacked bar a work, of the run with most processes."""
    names = unique(r["work"] for r in results)
    ours = [[r for r in results if r["work"] == name and r["program"].startswith("dnmf")][-1] for name in names]
    bottom = [0.0] * len(names)
    for part in PARTS:
        shares = [r[f"seconds_{part}"] / sum(r[f"seconds_{p}"] for p in PARTS) for r in ours]
        axes.bar(range(len(names)), shares, 0.6, bottom=bottom, label=part)
        bottom = [b + s for b, s in zip(bottom, shares)]
    axes.set_ylabel("share of an iteration")
    axes.set_title(f"where the time goes: {ours[0]['program']}")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    label(axes, names, 0)


def label(axes, names, offset):
    axes.set_xticks([i + offset for i in range(len(names))], [n.replace(" ", "\n", 2) for n in names], fontsize=7)


def draw(results, path):
    width = 3 + 1.1 * len(unique(r["work"] for r in results))
    figure, (above, below) = plt.subplots(2, 1, figsize=(width, 8))
    draw_seconds(above, results)
    draw_parts(below, results)
    figure.tight_layout()
    figure.savefig(path, dpi=120)
