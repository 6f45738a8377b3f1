"""Draws the pictures of README.md and src/doc, in build/walk, after README's walk:

    dnmf describe cells.h5 -n 5 --json --quiet | python3 ../../scripts/doc/pictures.py ../../src/doc

components.svg from what describe prints, scaling.svg from the table of scaling.md.
"""
import html
import json
import math
import pathlib
import re
import sys

TEXT, SOFT, GRID, COLORS = "#1c2530", "#566270", "#dfe4e9", ("#0072b2", "#c24e00", "#00795a", "#9b4a7d")


class Picture:
    """An SVG of `width` by `height` on white, piece by piece."""

    def __init__(self, width, height, title):
        self.pieces = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                       f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12" role="img">',
                       f"<title>{html.escape(title)}</title>", f'<rect width="{width}" height="{height}" fill="white"/>']

    def text(self, x, y, text, color=TEXT, anchor="start", weight="normal"):
        self.pieces.append(f'<text x="{x:.0f}" y="{y:.0f}" fill="{color}" text-anchor="{anchor}" '
                           f'font-weight="{weight}">{html.escape(text)}</text>')

    def bar(self, x, y, width, height, color):
        self.pieces.append(f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" fill="{color}"/>')

    def line(self, points, color, width=1, dashes="none", dots=False):
        path = " ".join(f"{x:.0f},{y:.0f}" for x, y in points)
        self.pieces.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}" '
                           f'stroke-dasharray="{dashes}"/>')
        for x, y in points if dots else ():
            self.pieces.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3.5" fill="{color}"/>')

    def write(self, path):
        path.write_text("\n".join([*self.pieces, "</svg>", ""]), encoding="utf-8")


def draw_components(described, path):
    """A panel for each component: its columns, a bar for the weight and, in words, how much of the column is its."""
    components = described["components"]
    longest = max(len(component["columns"]) for component in components)
    height = 40 + 18 * longest
    picture = Picture(720, height * ((len(components) + 1) // 2) + 8, "the strongest columns of each component")
    for n, component in enumerate(components):
        left, top = 360 * (n % 2), height * (n // 2)
        picture.text(left + 12, top + 22, f"component {component['component']}: {component['share']:.0%} of the whole",
                     weight="bold")
        largest = max(column["weight"] for column in component["columns"])
        for place, column in enumerate(component["columns"]):
            y = top + 32 + 18 * place
            picture.text(left + 82, y + 12, column.get("label") or str(column["id"]), anchor="end")
            picture.bar(left + 90, y + 2, 200 * column["weight"] / largest, 12, COLORS[n % len(COLORS)])
            picture.text(left + 96 + 200 * column["weight"] / largest, y + 12, f"{column['share']:.0%}", SOFT)
    picture.write(path)


def strong_scaling(page):
    """Processes, seconds and planned seconds of the page's table."""
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| \d+ % \| ([\d.]+) \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    return [(int(processes), float(seconds), float(planned)) for processes, seconds, planned in rows]


def draw_scaling(rows, path):
    """Seconds of an iteration over processes, both logarithmic, beside the ideal line."""
    left, top, right, bottom = 70, 40, 560, 300
    picture = Picture(720, 350, "seconds of an iteration over processes")
    first, last = rows[0][0], rows[-1][0]
    low, high = math.floor(math.log10(min(row[1] for row in rows))), math.ceil(math.log10(max(row[1] for row in rows)))

    def x(processes):
        return left + (right - left) * math.log(processes / first) / math.log(last / first)

    def y(seconds):
        return bottom - (bottom - top) * (math.log10(seconds) - low) / (high - low)

    picture.text(left, 22, "Seconds of an iteration, 156401 × 156401, k = 48 (simulated)", weight="bold")
    for power in range(low, high + 1):
        picture.line([(left, y(10.0 ** power)), (right, y(10.0 ** power))], GRID)
        picture.text(left - 8, y(10.0 ** power) + 4, f"{10.0 ** power:g}", SOFT, "end")
    for processes, _, _ in rows:
        picture.line([(x(processes), top), (x(processes), bottom)], GRID)
        picture.text(x(processes), bottom + 18, str(processes), SOFT, "middle")
    picture.text((left + right) / 2, bottom + 38, "processes", SOFT, "middle")
    ideal = [(processes, rows[0][1] * first / processes) for processes in (first, last)]
    lines = (("ideal", ideal, SOFT, "4 4", False), ("plan", [(p, s) for p, _, s in rows], COLORS[1], "6 3", False),
             ("simulated", [(p, s) for p, s, _ in rows], COLORS[0], "none", True))
    for place, (name, points, color, dashes, dots) in enumerate(lines):
        picture.line([(x(processes), y(seconds)) for processes, seconds in points], color, 2, dashes, dots)
        picture.line([(right + 20, top + 20 + 20 * place), (right + 50, top + 20 + 20 * place)], color, 2, dashes)
        picture.text(right + 58, top + 24 + 20 * place, name)
    picture.write(path)


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    draw_components(json.load(sys.stdin), folder / "components.svg")
    draw_scaling(strong_scaling(pathlib.Path(__file__).parents[2] / "src" / "doc" / "scaling.md"),
                 folder / "scaling.svg")
